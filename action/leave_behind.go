package action

import (
	"context"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/policy"
	"github.com/sallyport-rpc/sallyport/internal/recovered"
)

// leaveBehind has the gate of a stream wait for its authenticators, its loader and the
// checks no longer than the stream's context lasts. A stream ends when its time to open is over,
// when its client leaves and when the server shuts down, also where one of them does not
// look at its context; that one then returns to no caller.
func (g *gate) leaveBehind(checks map[string]policy.CheckFunc) {
	for i := range g.schemes {
		ask := g.schemes[i].ask
		g.schemes[i].ask = func(ctx context.Context, call *connect.CallInfo) (*authn.Principal, error) {
			return untilDone(ctx, event.StageAuthenticate, func() (*authn.Principal, error) { return ask(ctx, call) })
		}
	}
	if g.about != nil {
		load := g.about.load
		g.about.load = func(ctx context.Context, principal *authn.Principal, key protoreflect.Value) (proto.Message, error) {
			return untilDone(ctx, event.StageLoad, func() (proto.Message, error) { return load(ctx, principal, key) })
		}
	}
	for name, holds := range checks {
		checks[name] = func(ctx context.Context, principal *authn.Principal, request proto.Message) (bool, error) {
			return untilDone(ctx, event.StageAuthorize, func() (bool, error) { return holds(ctx, principal, request) })
		}
	}
}

// untilDone returns what a function returns, or the error of the context once that has
// ended. A panic of the function is the caller's, unless it comes too late.
func untilDone[T any](ctx context.Context, during event.Stage, function func() (T, error)) (T, error) {
	type outcome struct {
		result   T
		err      error
		panicked any
	}
	done := make(chan outcome, 1)
	go func() {
		var o outcome
		defer func() {
			if thrown := recover(); thrown != nil {
				o.panicked = recovered.New(during.String(), thrown)
			}
			done <- o
		}()
		o.result, o.err = function()
	}()
	select {
	case o := <-done:
		if o.panicked != nil {
			panic(o.panicked)
		}
		return o.result, o.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
