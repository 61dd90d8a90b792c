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

type stoppingKey struct{}

// WithStopping returns a context for calls of a server that closes the channel when it
// is asked to stop, which may be some time before it drains.
func WithStopping(ctx context.Context, stopping <-chan struct{}) context.Context {
	return context.WithValue(ctx, stoppingKey{}, stopping)
}

// StoppingFrom returns the channel that WithStopping was given, or nil.
func StoppingFrom(ctx context.Context) <-chan struct{} {
	stopping, _ := ctx.Value(stoppingKey{}).(<-chan struct{})
	return stopping
}
