package action_test

import (
	"context"
	"log/slog"
	"testing"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1client"
)

// still is a stream whose messages are empty and go nowhere, so that a benchmark
// measures what stands around a handler and nothing of a transport.
type still struct{}

func (still) Receive(any) error  { return nil }
func (still) SendHeaders() error { return nil }
func (still) Send(any) error     { return nil }

// ready answers at once.
type ready struct{}

func (ready) Ping(context.Context, *action.Call[testv1.PingRequest]) (*testv1.PingResponse, error) {
	return &testv1.PingResponse{}, nil
}

func (ready) Poke(context.Context, *action.Call[testv1.PokeRequest]) (*testv1.PokeResponse, error) {
	return &testv1.PokeResponse{}, nil
}

// benchServer serves to one principal, whom it knows by heart.
func benchServer(b *testing.B, principal *authn.Principal, options ...action.RegistryOption) *connect.Server {
	b.Helper()
	absent := authn.AuthenticatorFunc(func(context.Context, *connect.CallInfo) (*authn.Principal, error) {
		return nil, authn.ErrNoCredential
	})
	registry, err := action.NewRegistry(authn.Schemes{
		"session": freshnessReporter{knows(principal)}, "bearer": freshnessReporter{absent}, "apikey": absent,
	}, options...)
	if err != nil {
		b.Fatal(err)
	}
	if err := testv1action.RegisterPlainService(registry, ready{}); err != nil {
		b.Fatal(err)
	}
	methods, err := registry.Methods()
	if err != nil {
		b.Fatal(err)
	}
	server := connect.NewServer()
	server.Register(methods...)
	return server
}

// knows returns an authenticator that takes every caller for the principal.
func knows(principal *authn.Principal) authn.Authenticator {
	return authn.AuthenticatorFunc(func(context.Context, *connect.CallInfo) (*authn.Principal, error) {
		return principal, nil
	})
}

// nowhere is where a benchmark logs to.
type nowhere struct{}

func (nowhere) Write(text []byte) (int, error) { return len(text), nil }

func benchmarkCall(b *testing.B, server *connect.Server, procedure string, want connect.Code) {
	b.Helper()
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		err := server.Call(ctx, procedure, nil, still{})
		if (err != nil) != (want != 0) || (err != nil && connect.CodeOf(err) != want) {
			b.Fatal(err)
		}
	}
}

// BenchmarkUnguarded is what the others are to be compared with: the same handlers
// with nothing before them.
func BenchmarkUnguarded(b *testing.B) {
	server := connect.NewServer()
	server.Register(connect.Method{
		Spec: connect.Spec{Procedure: testv1client.PlainServicePingProcedure},
		Handler: func(_ context.Context, _ connect.Spec, stream connect.ServerStream) error {
			if err := stream.Receive(new(testv1.PingRequest)); err != nil {
				return err
			}
			return stream.Send(&testv1.PingResponse{})
		},
	})
	benchmarkCall(b, server, testv1client.PlainServicePingProcedure, 0)
}

// BenchmarkGuarded calls through the gate: an action of anyone who signed in, and one
// that asks for a role. Neither has validation rules.
func BenchmarkGuarded(b *testing.B) {
	owner := authn.NewPrincipal("u", authn.Details{Unscoped: true, Roles: []string{"owner"}})
	robot := authn.NewPrincipal("u", authn.Details{Unscoped: true, Roles: []string{"robot"}})
	// Not slog.DiscardHandler, which spares itself the work that is measured.
	to := func(level slog.Level) action.RegistryOption {
		handler := slog.NewTextHandler(nowhere{}, &slog.HandlerOptions{Level: level})
		return action.WithRecorder(event.LogRecorder(slog.New(handler)))
	}
	quiet, loud := to(slog.LevelWarn), to(slog.LevelDebug)
	for _, bench := range []struct {
		name      string
		principal *authn.Principal
		recorder  action.RegistryOption
		procedure string
		want      connect.Code
	}{
		{"anyone", owner, quiet, testv1client.PlainServicePingProcedure, 0},
		{"anyone-recorded", owner, loud, testv1client.PlainServicePingProcedure, 0},
		{"role", owner, quiet, testv1client.PlainServicePokeProcedure, 0},
		{"role-recorded", owner, loud, testv1client.PlainServicePokeProcedure, 0},
		{"denied", robot, quiet, testv1client.PlainServicePokeProcedure, connect.CodePermissionDenied},
		{"denied-recorded", robot, loud, testv1client.PlainServicePokeProcedure, connect.CodePermissionDenied},
	} {
		b.Run(bench.name, func(b *testing.B) {
			benchmarkCall(b, benchServer(b, bench.principal, bench.recorder), bench.procedure, bench.want)
		})
	}
}
