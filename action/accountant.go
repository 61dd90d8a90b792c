package action

import (
	"context"
	"errors"

	"connectrpc.com/connect/v2"
)

// An Accountant keeps account of what callers hold of a server: a stranger may hold
// less than a principal. Its methods must be safe for concurrent use.
type Accountant interface {
	// Authenticated is called when a gate has authenticated the caller of a call, and
	// before it authorizes. The id is the principal's; it is empty on an anonymous
	// action, when its gate comes to where it would authenticate. An error refuses the
	// call; a [*connect.Error] is what the caller gets, any other is a fault.
	//
	// It is not called again when the caller of a stream is looked at anew. The context
	// is that of the call: where a handler's context reached another action,
	// [connect.CallInfoForServerContext] tells the calls apart.
	Authenticated(ctx context.Context, principalID string) error
}

type accountantKey struct{}

// WithAccountant returns a context for a call of which an Accountant is to know. It
// is for packages that serve a registry; package server gives one to every call.
func WithAccountant(ctx context.Context, accountant Accountant) context.Context {
	return context.WithValue(ctx, accountantKey{}, accountant)
}

// identify authenticates the caller, and says so to the call's accountant.
func (g *gate) identify(ctx context.Context, pass *passage) error {
	if err := g.authenticate(ctx, pass); err != nil {
		return err
	}
	accountant, ok := ctx.Value(accountantKey{}).(Accountant)
	if !ok {
		return nil
	}
	var id string
	if pass.principal != nil {
		id = pass.principal.ID()
	}
	err := accountant.Authenticated(ctx, id)
	if err == nil {
		return nil
	}
	public, ok := errors.AsType[*connect.Error](err)
	if !ok {
		return fault(err)
	}
	return &denial{public: public, reason: "the server refused the caller: " + public.Code().String()}
}
