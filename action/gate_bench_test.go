package action_test

import (
	"context"
	"log/slog"
	"testing"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
)

// still is a stream whose messages are empty and go nowhere, so that a benchmark
// measures what stands around a handler and nothing of a transport.
type still struct{}

func (still) Receive(any) error  { return nil }
func (still) SendHeaders() error { return nil }
func (still) Send(any) error     { return nil }

// accounts answers what benchmarks call.
type accounts struct {
	demov1action.AccountServiceHandler
}

func (accounts) SignOut(context.Context, *action.Call[demov1.SignOutRequest]) (*demov1.SignOutResponse, error) {
	return &demov1.SignOutResponse{}, nil
}

func (accounts) ListUsers(context.Context, *action.Call[demov1.ListUsersRequest]) (*demov1.ListUsersResponse, error) {
	return &demov1.ListUsersResponse{}, nil
}

// benchServer serves the demo's services to one principal, whom it knows by heart.
func benchServer(b *testing.B, principal *action.Principal, options ...action.RegistryOption) *connect.Server {
	b.Helper()
	absent := action.AuthenticatorFunc(func(context.Context, *connect.CallInfo) (*action.Principal, error) {
		return nil, action.ErrNoCredential
	})
	registry, err := action.NewRegistry(action.Schemes{
		"session": dated{knows(principal)}, "bearer": dated{absent}, "apikey": absent,
	}, options...)
	if err != nil {
		b.Fatal(err)
	}
	if err := demov1action.RegisterAccountService(registry, accounts{}); err != nil {
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
func knows(principal *action.Principal) action.Authenticator {
	return action.AuthenticatorFunc(func(context.Context, *connect.CallInfo) (*action.Principal, error) {
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
		Spec: connect.Spec{Procedure: demov1action.AccountServiceSignOutProcedure},
		Handler: func(_ context.Context, _ connect.Spec, stream connect.ServerStream) error {
			if err := stream.Receive(new(demov1.SignOutRequest)); err != nil {
				return err
			}
			return stream.Send(&demov1.SignOutResponse{})
		},
	})
	benchmarkCall(b, server, demov1action.AccountServiceSignOutProcedure, 0)
}

// BenchmarkGuarded calls through the gate. SignOut has no validation rules and takes
// anyone who signed in; ListUsers has rules on two fields and asks for a role.
func BenchmarkGuarded(b *testing.B) {
	admin := action.NewPrincipal("u", action.Claims{Roles: []string{"admin"}})
	member := action.NewPrincipal("u", action.Claims{Roles: []string{"member"}})
	// Not slog.DiscardHandler, which spares itself the work that is measured.
	to := func(level slog.Level) action.RegistryOption {
		handler := slog.NewTextHandler(nowhere{}, &slog.HandlerOptions{Level: level})
		return action.WithRecorder(action.LogRecorder(slog.New(handler)))
	}
	quiet, loud := to(slog.LevelWarn), to(slog.LevelDebug)
	for _, bench := range []struct {
		name      string
		principal *action.Principal
		recorder  action.RegistryOption
		procedure string
		want      connect.Code
	}{
		{"anyone", admin, quiet, demov1action.AccountServiceSignOutProcedure, 0},
		{"anyone-recorded", admin, loud, demov1action.AccountServiceSignOutProcedure, 0},
		{"rules-and-role", admin, quiet, demov1action.AccountServiceListUsersProcedure, 0},
		{"rules-and-role-recorded", admin, loud, demov1action.AccountServiceListUsersProcedure, 0},
		{"denied", member, quiet, demov1action.AccountServiceListUsersProcedure, connect.CodePermissionDenied},
		{"denied-recorded", member, loud, demov1action.AccountServiceListUsersProcedure, connect.CodePermissionDenied},
	} {
		b.Run(bench.name, func(b *testing.B) {
			benchmarkCall(b, benchServer(b, bench.principal, bench.recorder), bench.procedure, bench.want)
		})
	}
}
