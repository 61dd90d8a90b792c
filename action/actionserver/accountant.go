package actionserver

import "context"

// An Accountant keeps account of what callers hold of a server: a stranger may hold
// less than a principal. Its methods must be safe for concurrent use.
type Accountant interface {
	// Authenticated is called when a gate has authenticated the caller of a call, and
	// before it authorizes. The id is the principal's; it is empty on an anonymous
	// action, when its gate comes to where it would authenticate. An error refuses the
	// call; a *connect.Error is what the caller gets, any other is a fault.
	//
	// It is not called again when a stream is rechecked. The context is that of the
	// call: where a handler's context reached another action,
	// connect.CallInfoForServerContext tells the calls apart.
	Authenticated(ctx context.Context, principalID string) error
}

type accountantKey struct{}

// WithAccountant returns a context for a call of which an Accountant is to know. A nil
// Accountant takes away the one that the context has.
func WithAccountant(ctx context.Context, accountant Accountant) context.Context {
	return context.WithValue(ctx, accountantKey{}, accountant)
}

// AccountantFrom returns the Accountant of a call's context, or nil where it has none.
func AccountantFrom(ctx context.Context) Accountant {
	accountant, _ := ctx.Value(accountantKey{}).(Accountant)
	return accountant
}
