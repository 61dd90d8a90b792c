package action_test

import (
	"context"
	"testing"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
)

type fake struct {
	demov1action.AccountServiceHandler
}

func (fake) ListUsers(context.Context, *action.Call[demov1.ListUsersRequest]) (*demov1.ListUsersResponse, error) {
	return &demov1.ListUsersResponse{}, nil
}

type stream struct{ request proto.Message }

func (s stream) Receive(message any) error { return nil }
func (s stream) SendHeaders() error        { return nil }
func (s stream) Send(any) error            { return nil }

func BenchmarkGate(b *testing.B) {
	principal := action.NewPrincipal("u", action.Claims{Roles: []string{"admin"}})
	registry, err := action.NewRegistry(action.Schemes{"session": action.AuthenticatorFunc(func(context.Context, *connect.CallInfo) (*action.Principal, error) {
		return principal, nil
	})})
	if err != nil {
		b.Fatal(err)
	}
	if err := demov1action.RegisterAccountService(registry, fake{}); err != nil {
		b.Fatal(err)
	}
	methods, err := registry.Methods()
	if err != nil {
		b.Fatal(err)
	}
	server := connect.NewServer()
	server.Register(methods...)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if err := server.Call(ctx, demov1action.AccountServiceListUsersProcedure, nil, stream{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPlain(b *testing.B) {
	server := connect.NewServer()
	server.Register(connect.Method{Spec: connect.Spec{Procedure: demov1action.AccountServiceListUsersProcedure}, Handler: func(ctx context.Context, _ connect.Spec, s connect.ServerStream) error {
		request := new(demov1.ListUsersRequest)
		if err := s.Receive(request); err != nil {
			return err
		}
		return s.Send(&demov1.ListUsersResponse{})
	}})
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if err := server.Call(ctx, demov1action.AccountServiceListUsersProcedure, nil, stream{}); err != nil {
			b.Fatal(err)
		}
	}
}
