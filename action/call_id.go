package action

import (
	"context"
	"crypto/rand"

	"connectrpc.com/connect/v2"
)

// A namedCall is a call with its id. A handler's context may reach the gate of another
// call, which has an id of its own.
type namedCall struct {
	id   string
	call *connect.CallInfo
}

type callIDKey struct{}

// WithCallID returns a context for a call with a new random id, which the events of the
// call have as their CallID, and the id. It is for packages that stand around gates
// and name calls before a gate does. An id that the call has already is kept.
func WithCallID(ctx context.Context) (context.Context, string) {
	if id := CallID(ctx); id != "" {
		return ctx, id
	}
	call, _ := connect.CallInfoForServerContext(ctx)
	named := &namedCall{rand.Text(), call}
	return context.WithValue(ctx, callIDKey{}, named), named.id
}

// CallID returns the id that [WithCallID] gave the call, or "". Without WithCallID a
// gate makes an id when it makes the first event of the call, and no context has it.
func CallID(ctx context.Context) string {
	named, ok := ctx.Value(callIDKey{}).(*namedCall)
	if !ok {
		return ""
	}
	if call, _ := connect.CallInfoForServerContext(ctx); call != named.call {
		return ""
	}
	return named.id
}
