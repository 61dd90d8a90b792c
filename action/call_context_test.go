package action

import (
	"context"
	"testing"

	"connectrpc.com/connect/v2"
)

// callContext returns the context that the gate of a call has.
func callContext(tb testing.TB, ctx context.Context, info *connect.CallInfo) context.Context { //nolint:revive // a test's context may be over
	tb.Helper()
	var of context.Context
	server := connect.NewServer()
	server.Register(connect.Method{
		Spec: connect.Spec{Procedure: "/test.v1.Service/Call"},
		Handler: func(ctx context.Context, _ connect.Spec, _ connect.ServerStream) error {
			of = ctx //nolint:fatcontext // it is set once
			return nil
		},
	})
	if err := server.Call(ctx, "/test.v1.Service/Call", info, nil); err != nil {
		tb.Fatal(err)
	}
	return of
}
