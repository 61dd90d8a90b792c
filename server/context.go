package server

import (
	"context"

	"github.com/sallyport-rpc/sallyport/action/actionserver"
)

// A callContext is the context of a call, with what the server gives to it. It is a part
// of what the server makes for each call anyway.
type callContext struct {
	actionserver.Context

	incoming *incoming
	// calls has the values that all calls of the server have, where the context that this
	// one is made of does not have them.
	calls context.Context //nolint:containedctx // for its values
}

// Value implements [context.Context].
func (c *callContext) Value(key any) any {
	if key == (incomingKey{}) {
		return c.incoming
	}
	if value := c.Context.Value(key); value != nil || c.calls == nil {
		return value
	}
	return c.calls.Value(key)
}

// begin makes the context one of a call, below another. calls may be nil.
func (c *callContext) begin(ctx, calls context.Context, incoming *incoming) {
	c.incoming, c.calls = incoming, calls
	c.Context = actionserver.Context{Context: ctx, Accountant: incoming}
}

type incomingKey struct{}

// incomingFrom returns the call of a context, or nil where it has none.
func incomingFrom(ctx context.Context) *incoming {
	found, _ := ctx.Value(incomingKey{}).(*incoming)
	return found
}
