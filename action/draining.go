package action

import (
	"context"

	"github.com/sallyport-rpc/sallyport/action/actionserver"
)

// Draining returns a channel that is closed when the server begins to shut down: it
// accepts no more calls and waits for those that it has. A handler of a long stream
// uses it to say goodbye and return before the server ends the stream; a handler that
// works in steps, to stop after one.
//
// The context of the call does not end then. Where no server says when it drains, as
// in an in-process call of a program that serves nothing, the channel is nil: to
// receive from it blocks for ever, as a select wants it.
func Draining(ctx context.Context) <-chan struct{} { return actionserver.DrainingFrom(ctx) }

// Stopping returns a channel that is closed when the server is asked to stop. It may
// accept calls for a while after that, so that load balancers can take it out of use;
// then it drains, as [Draining] says. Health checks answer "not serving" from here on.
// The channel is nil where that of Draining would be.
func Stopping(ctx context.Context) <-chan struct{} { return actionserver.StoppingFrom(ctx) }
