package action

import (
	"context"
	"errors"
	"fmt"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/filter"
	"github.com/sallyport-rpc/sallyport/internal/policy"
	"github.com/sallyport-rpc/sallyport/relation"
)

// A Guard is the grant that let a caller in to an action about an object, as a filter over
// the object as it is stored. With it a handler checks and changes in one statement:
//
//	UPDATE documents SET title = ? WHERE id = ? AND (guard)
//
// Where no row is changed, the object is not there, or the grant does not hold of it any
// more. The zero Guard matches nothing.
type Guard struct {
	// Filter is the grant. It matches the object that was decided on.
	Filter filter.Filter
	// LeftOut are the conditions of the grant that no filter can say, such as a check, as
	// they are declared. They held when the call was let in, and are not asked again.
	LeftOut []string
}

// Whole reports whether the filter says all that the grant requires.
func (g Guard) Whole() bool { return len(g.LeftOut) == 0 }

// Filter returns which elements of a field of the response the caller may see, as the
// declaration says at `each`: the field is named as there. The gate holds every element
// against the same rule, at the same time and for the request as it was decided on, also
// where the handler has changed it. Where the declaration has no `each` of the name, and
// where the rule cannot be decided, it is an error that the handler returns: the filter
// matches nothing then. A rule with a relation asks the relation engine, within the context,
// and the error says resource_exhausted where the caller is related to more than
// [WithMostRelated].
func (c *Call[Req]) Filter(ctx context.Context, name string) (filter.Filter, error) {
	if c == nil || !c.call.admitted {
		panic(notAdmitted)
	}
	return c.call.filter(ctx, name)
}

// Filter returns which elements of a field of the response the caller may see, as
// [Call.Filter] does.
func (c *ResourceCall[Req, Obj]) Filter(ctx context.Context, name string) (filter.Filter, error) {
	if c == nil || !c.about.admitted {
		panic(notAdmitted)
	}
	return c.about.filter(ctx, name)
}

// Guard returns the grant that let the caller in, as a filter over the stored object. An
// error is for the handler to return: the guard matches nothing then. On a server stream it
// is the grant that opened the stream.
func (c *ResourceCall[Req, Obj]) Guard() (Guard, error) {
	if c == nil || !c.about.admitted {
		panic(notAdmitted)
	}
	pass := &c.about
	seen, _ := pass.seen()
	of, left, err := pass.gate.guard.Of(context.Background(), pass.grant, seen)
	if err != nil {
		return Guard{}, undecidedFilter("the grant cannot be made a filter", err)
	}
	return Guard{of, left}, nil
}

// Filter returns which elements may be sent, as [Call.Filter] does. It is of the caller as
// a recheck found it last: [Call.Filter] stays as it was when the stream opened. It may be
// called by any goroutine.
func (s *ServerStream[Res]) Filter(ctx context.Context, name string) (filter.Filter, error) {
	return s.responses.stream.filter(ctx, name)
}

// Filter returns which elements of the response the caller may see, as [Call.Filter] does.
func (s *ClientStream[Req]) Filter(ctx context.Context, name string) (filter.Filter, error) {
	return s.requests.stream.filter(ctx, name)
}

// Filter returns which elements of the response the caller may see, as [Call.Filter] does.
func (s *ResourceClientStream[Req, Obj]) Filter(ctx context.Context, name string) (filter.Filter, error) {
	return s.about.stream.filter(ctx, name)
}

// Filter returns which elements may be sent, as [Call.Filter] does. It is of the caller as
// a recheck found it last and, where the declaration says EVERY_MESSAGE, of the request that
// was received last. It may be called by any goroutine.
func (s *BidiStream[Req, Res]) Filter(ctx context.Context, name string) (filter.Filter, error) {
	return s.requests.stream.filter(ctx, name)
}

// Filter returns which elements may be sent, as [BidiStream.Filter] does.
func (s *ResourceBidiStream[Req, Obj, Res]) Filter(ctx context.Context, name string) (filter.Filter, error) {
	return s.about.stream.filter(ctx, name)
}

// FilterRule returns what the filters of an `each` can ask, for package sqlfilter to map to
// columns before any call: the procedure is "/acme.docs.v1.DocumentService/ListDocuments",
// and the name that of the field. The service must be registered.
func (r *Registry) FilterRule(procedure, name string) (filter.Rule, error) {
	gate, err := r.gateOf(procedure)
	if err != nil {
		return filter.Rule{}, err
	}
	list, err := gate.listOf(name)
	return list.Rule(), err
}

// GuardRule is FilterRule of what [ResourceCall.Guard] can ask of the object that an action
// is about.
func (r *Registry) GuardRule(procedure string) (filter.Rule, error) {
	gate, err := r.gateOf(procedure)
	if err != nil {
		return filter.Rule{}, err
	}
	if gate.guard == nil {
		return filter.Rule{}, fmt.Errorf("%s is about no object: its declaration has no resource", procedure)
	}
	return gate.guard.Rule(), nil
}

func (r *Registry) gateOf(procedure string) (*gate, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	gate := r.procedures[procedure]
	if gate == nil {
		return nil, fmt.Errorf("the registry has no action %s: register its service first", procedure)
	}
	return gate, nil
}

// listOf returns the rule of the elements of a field, by the name that it is declared with.
func (g *gate) listOf(name string) (*policy.List, error) {
	for i := range g.each {
		if g.each[i].Name == name {
			return g.each[i].list, nil
		}
	}
	return nil, fmt.Errorf("the declaration of %s has no `each` of %q", g.procedure, name)
}

func (p *passage) filter(ctx context.Context, name string) (filter.Filter, error) {
	seen, _ := p.seen()
	return p.gate.filter(ctx, name, seen)
}

func (s *stream) filter(ctx context.Context, name string) (filter.Filter, error) {
	s.mustBeAdmitted()
	seen, _ := s.seen()
	return s.gate.filter(ctx, name, seen)
}

func (g *gate) filter(ctx context.Context, name string, seen policy.Input) (filter.Filter, error) {
	list, err := g.listOf(name)
	if err != nil {
		return filter.Filter{}, undecidedFilter("there is no such filter", err)
	}
	made, err := list.Filter(ctx, seen)
	if err != nil {
		return filter.Filter{}, undecidedFilter("the rule of "+name+" was not decided", err)
	}
	return made, nil
}

// errTooMany is what the caller is told who is related to more than is listed.
var errTooMany = connect.NewError(connect.CodeResourceExhausted, "there is more here than can be listed")

// undecidedFilter is what a handler returns where there is no filter: its caller learns nothing
// of why, but that it may be there later, or that there is too much.
func undecidedFilter(text string, err error) error {
	public := undecided(err)
	switch {
	case errors.Is(err, relation.ErrIncomplete):
		public = errTooMany
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		public = interrupted(err).public
	}
	return connect.NewError(public.Code(), public.Message()).WithCause(errors.Join(errors.New(text), err))
}
