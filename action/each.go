package action

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/policy"
	"github.com/sallyport-rpc/sallyport/relation"
)

// An elements is which elements of a field of the answers may be seen.
type elements struct {
	*declare.Each

	list *policy.List
	// ask asks the relation engine several queries at once; nil where the elements ask it none,
	// and where it takes one at a time.
	ask func(context.Context, []relation.Query) ([]bool, error)
}

// elementsOf makes the rules of the elements of an action's answers, in the order declared.
func elementsOf(declaration *declare.Declaration, by policy.Deciders) ([]elements, error) {
	if declaration == nil || len(declaration.Each) == 0 {
		return nil, nil
	}
	made := make([]elements, len(declaration.Each))
	for i, each := range declaration.Each {
		list, err := policy.NewList(each.Item, each.Grants, by)
		if err != nil {
			return nil, fmt.Errorf("each %s: %w", each.Name, err)
		}
		made[i] = elements{Each: each, list: list}
	}
	return made, nil
}

// holdEach holds every element of a response against its rule, as the handler returned it.
// One that does not belong is a fault of the handler, or, on a stream, not allowed any more
// where the rule allowed it before the caller was looked at again.
func (g *gate) holdEach(ctx context.Context, response proto.Message, to answered) (err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			err = panicked(event.StageHandle, thrown)
		}
	}()
	seen, earlier := to.seen()
	for i := range g.each {
		if err := g.each[i].hold(ctx, response.ProtoReflect(), seen, earlier); err != nil {
			return err
		}
	}
	return ctx.Err() // where it has ended, rules were not decided
}

// hold holds the elements that a response has in the field. A message on the way that is not
// set has none.
func (e *elements) hold(ctx context.Context, response protoreflect.Message, seen policy.Input, earlier []policy.Input) error {
	within, field := parentOf(e.Field, response), e.Field[len(e.Field)-1]
	switch {
	case !within.Has(field):
		return nil
	case !field.IsList():
		return e.holdOne(ctx, within.Get(field).Message().Interface(), seen, earlier, e.Name)
	}
	list := within.Get(field).List()
	with, err := e.askAhead(ctx, seen, list)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return &denial{public: undecided(err), reason: "each: whether the caller may see " + e.Name + " of the response was not decided", err: err}
	}
	for i := range list.Len() {
		holds, err := e.list.Holds(with, seen, list.Get(i).Message().Interface())
		if !holds || err != nil {
			return e.holdOne(with, list.Get(i).Message().Interface(), seen, earlier, fmt.Sprintf("%s[%d]", e.Name, i))
		}
	}
	return e.holdTotal(response, list.Len())
}

// holdOne holds an element against the rule. The events name it, and not what it has.
func (e *elements) holdOne(ctx context.Context, item proto.Message, seen policy.Input, earlier []policy.Input, name string) error {
	holds, err := e.list.Holds(ctx, seen, item)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return &denial{public: undecided(err), reason: "each: whether the caller may see " + name + " of the response was not decided", err: err}
	case holds:
		return nil
	}
	for _, before := range earlier {
		if held, err := e.list.MayHaveHeld(ctx, before, item); err == nil && held {
			return &denial{public: errPermissionDenied, reason: "each: since the recheck the caller may not see " + name + " of the response"}
		}
	}
	return &denial{public: errInternal, reason: "each: the handler returned " + name + ", which no grant lets the caller see"}
}

// holdTotal refuses a count that is less than what it counts.
func (e *elements) holdTotal(response protoreflect.Message, count int) error {
	if e.Total == nil || count == 0 {
		return nil
	}
	total := e.Total[len(e.Total)-1]
	if atLeast(parentOf(e.Total, response).Get(total), total, count) {
		return nil
	}
	return &denial{public: errInternal, reason: "each: the response has more " + e.Name + " than its total says"}
}

func atLeast(value protoreflect.Value, field protoreflect.FieldDescriptor, count int) bool {
	switch field.Kind() {
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind, protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return value.Uint() >= uint64(count) //nolint:gosec // a length is not negative
	default:
		return value.Int() >= int64(count)
	}
}

// parentOf returns the message that has the last field of a path: one without fields where
// one on the way is not set.
func parentOf(path []protoreflect.FieldDescriptor, message protoreflect.Message) protoreflect.Message {
	for _, field := range path[:len(path)-1] {
		message = message.Get(field).Message()
	}
	return message
}

// seen is what the elements of the passage's answer are looked at with.
func (p *passage) seen() (seen policy.Input, earlier []policy.Input) {
	seen = policy.Input{Principal: p.principal, Now: p.start}
	if p.extras != nil {
		seen.Request = p.extras.request
	}
	return seen, nil
}

// keepRequest keeps what rules read of a request that was let through, which its handler may
// change.
func (p *passage) keepRequest(request proto.Message) {
	if request == nil {
		return
	}
	var kept policy.Kept
	p.gate.policy.Keep(&kept, request)
	p.more().request = kept.Request()
}

// A sight is what elements on a stream are looked at with. It changes with what the stream
// lives by. The zero sight lets none be seen.
type sight struct {
	now policy.Input
	// first is what they were looked at with when the stream, or the last message that is
	// authorized by itself, was let in, and before is what they were before the last recheck
	// since: a handler may have chosen an element by either.
	first, before policy.Input
	rechecked     bool
}

// seen is what the elements of a message that is sent now are looked at with.
func (s *stream) seen() (seen policy.Input, earlier []policy.Input) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sight == nil {
		return policy.Input{}, nil
	}
	if s.sight.rechecked {
		earlier = []policy.Input{s.sight.before, s.sight.first}
	}
	return s.sight.now, earlier
}

// letIn sets what elements are looked at with, for a passage that was let in. The caller
// holds mu.
func (s *stream) letIn(pass *passage) {
	if s.gate.each == nil {
		return
	}
	seen, _ := pass.seen()
	s.sight = &sight{now: seen, first: seen}
}

// lookedAgain does the same for a recheck.
func (s *stream) lookedAgain(pass *passage) {
	if s.sight == nil {
		return
	}
	seen, _ := pass.seen()
	s.sight = &sight{now: seen, before: s.sight.now, first: s.sight.first, rechecked: true}
}
