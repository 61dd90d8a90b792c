package action

import "context"

// Draining returns a channel that is closed when the server begins to shut down: it
// accepts no more calls and waits for those that it has. A handler of a long stream
// uses it to say goodbye and return before the server ends the stream; a handler that
// works in steps, to stop after one.
//
// The context of the call does not end then. Where no server says when it drains, as
// in an in-process call of a program that serves nothing, the channel is nil: to
// receive from it blocks for ever, as a select wants it.
func Draining(ctx context.Context) <-chan struct{} {
	draining, _ := ctx.Value(drainingKey{}).(<-chan struct{})
	return draining
}

// WithDraining returns a context for calls of a server that closes the channel when it
// begins to shut down. It is for packages that serve a registry.
func WithDraining(ctx context.Context, draining <-chan struct{}) context.Context {
	return context.WithValue(ctx, drainingKey{}, draining)
}

type drainingKey struct{}

// Stopping returns a channel that is closed when the server is asked to stop. It may
// accept calls for a while after that, so that load balancers can take it out of use;
// then it drains, as [Draining] says. Health checks answer "not serving" from here on.
// The channel is nil where that of Draining would be.
func Stopping(ctx context.Context) <-chan struct{} {
	stopping, _ := ctx.Value(stoppingKey{}).(<-chan struct{})
	return stopping
}

// WithStopping returns a context for calls of a server that closes the channel when it
// is asked to stop. It is for packages that serve a registry.
func WithStopping(ctx context.Context, stopping <-chan struct{}) context.Context {
	return context.WithValue(ctx, stoppingKey{}, stopping)
}

type stoppingKey struct{}
