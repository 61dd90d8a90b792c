package actionserver

import "context"

type drainingKey struct{}

// WithDraining returns a context for the calls of a server that closes the channel when
// it begins to shut down.
func WithDraining(ctx context.Context, draining <-chan struct{}) context.Context {
	return context.WithValue(ctx, drainingKey{}, draining)
}

// DrainingFrom returns the channel of a call's context, or nil where it has none.
// Handlers use action.Draining.
func DrainingFrom(ctx context.Context) <-chan struct{} {
	draining, _ := ctx.Value(drainingKey{}).(<-chan struct{})
	return draining
}
