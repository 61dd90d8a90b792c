package action

import (
	"context"
	"errors"
	"fmt"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/filter"
	"github.com/sallyport-rpc/sallyport/internal/policy"
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
// matches nothing then.
func (c *Call[Req]) Filter(name string) (filter.Filter, error) {
	if c == nil || !c.call.admitted {
		panic(notAdmitted)
	}
	return c.call.filter(name)
}

// Filter returns which elements of a field of the response the caller may see, as
// [Call.Filter] does.
func (c *ResourceCall[Req, Obj]) Filter(name string) (filter.Filter, error) {
	if c == nil || !c.about.admitted {
		panic(notAdmitted)
	}
	return c.about.filter(name)
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
func (s *ServerStream[Res]) Filter(name string) (filter.Filter, error) {
	return s.responses.stream.filter(name)
}

// Filter returns which elements of the response the caller may see, as [Call.Filter] does.
func (s *ClientStream[Req]) Filter(name string) (filter.Filter, error) {
	return s.requests.stream.filter(name)
}

// Filter returns which elements of the response the caller may see, as [Call.Filter] does.
func (s *ResourceClientStream[Req, Obj]) Filter(name string) (filter.Filter, error) {
	return s.about.stream.filter(name)
}

// Filter returns which elements may be sent, as [Call.Filter] does. It is of the caller as
// a recheck found it last and, where the declaration says EVERY_MESSAGE, of the request that
// was received last. It may be called by any goroutine.
func (s *BidiStream[Req, Res]) Filter(name string) (filter.Filter, error) {
	return s.requests.stream.filter(name)
}

// Filter returns which elements may be sent, as [BidiStream.Filter] does.
func (s *ResourceBidiStream[Req, Obj, Res]) Filter(name string) (filter.Filter, error) {
	return s.about.stream.filter(name)
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

func (p *passage) filter(name string) (filter.Filter, error) {
	seen, _ := p.seen()
	return p.gate.filter(name, seen)
}

func (s *stream) filter(name string) (filter.Filter, error) {
	s.mustBeAdmitted()
	seen, _ := s.seen()
	return s.gate.filter(name, seen)
}

func (g *gate) filter(name string, seen policy.Input) (filter.Filter, error) {
	list, err := g.listOf(name)
	if err != nil {
		return filter.Filter{}, undecidedFilter("there is no such filter", err)
	}
	// What it costs is bounded, so that no context need end it.
	made, err := list.Filter(context.Background(), seen)
	if err != nil {
		return filter.Filter{}, undecidedFilter("the rule of "+name+" was not decided", err)
	}
	return made, nil
}

// undecidedFilter is a fault that a handler returns: its caller learns nothing of it.
func undecidedFilter(text string, err error) error {
	return connect.NewError(connect.CodeInternal, errInternal.Message()).WithCause(errors.Join(errors.New(text), err))
}
