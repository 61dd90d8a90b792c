package main

import (
	"context"
	"log/slog"
	"net"
	"os"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	benchv1 "github.com/sallyport-rpc/sallyport/gen/test/bench/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/bench/v1/benchv1action"
	"github.com/sallyport-rpc/sallyport/server"
	"github.com/sallyport-rpc/sallyport/server/grpcserver"
)

// notes is the service as an application of Sallyport has it.
type notes struct{}

func (notes) WriteNote(_ context.Context, call *action.Call[benchv1.WriteNoteRequest]) (*benchv1.WriteNoteResponse, error) {
	return write(call.Message()), nil
}

// memory finds sessions in memory.
type memory map[string]*authn.Principal

func (m memory) Authenticate(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	if principal, ok := m[call.RequestHeader().Get("Authorization")]; ok {
		return principal, nil
	}
	return nil, authn.ErrNoCredential
}

// serveSallyport serves with the defaults of package server. Denials are logged to the
// standard error, which is no file.
func serveSallyport(ctx context.Context, listener net.Listener) error {
	return serveNotes(ctx, listener)
}

// serveSallyportGRPC serves on the port for gRPC of a server.
func serveSallyportGRPC(ctx context.Context, listener net.Listener) error {
	own, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	return serveNotes(ctx, own, server.WithGRPC(grpcserver.On(listener)))
}

func serveNotes(ctx context.Context, listener net.Listener, options ...server.Option) error {
	registry, err := newRegistry(notes{}, action.WithRecorder(event.LogRecorder(slog.New(slog.NewTextHandler(os.Stderr, nil)))))
	if err != nil {
		return err
	}
	serving, err := server.New(registry, options...)
	if err != nil {
		return err
	}
	return serving.Serve(ctx, listener)
}

// newRegistry returns a registry with the service and the session of its owner.
func newRegistry(handler benchv1action.NoteServiceHandler, options ...action.RegistryOption) (*action.Registry, error) {
	sessions := memory{token: authn.NewPrincipal(owner, authn.Details{Unscoped: true, Roles: []string{"member"}})}
	registry, err := action.NewRegistry(authn.Schemes{"session": sessions}, options...)
	if err != nil {
		return nil, err
	}
	return registry, benchv1action.RegisterNoteService(registry, handler)
}
