package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	abusev1 "github.com/sallyport-rpc/sallyport/gen/test/abuse/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/abuse/v1/abusev1action"
	"github.com/sallyport-rpc/sallyport/server"
	"github.com/sallyport-rpc/sallyport/server/grpcserver"
)

// service is what the server serves.
type service struct{ chunk string }

func (service) Spend(context.Context, *action.Call[abusev1.SpendRequest]) (*abusev1.SpendResponse, error) {
	return &abusev1.SpendResponse{}, nil
}

func (s service) Flood(_ context.Context, _ *action.Call[abusev1.FloodRequest], out *action.ServerStream[abusev1.FloodResponse]) error {
	for {
		if err := out.Send(&abusev1.FloodResponse{Text: s.chunk}); err != nil {
			return err
		}
	}
}

// sessions takes "Authorization: Bearer ID" for the principal of that id.
func sessions(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	values := call.RequestHeader().Values("Authorization")
	if len(values) != 1 {
		return nil, authn.ErrNoCredential
	}
	id, ok := strings.CutPrefix(values[0], "Bearer ")
	if !ok {
		return nil, authn.InvalidCredential("malformed")
	}
	return authn.NewPrincipal(id, authn.Details{Unscoped: true}), nil
}

// chunkBytes is the size of the messages of a stream whose client does not read.
const chunkBytes = 1 << 20

// serve serves with the defaults until standard input ends. It prints its address, and that
// of its port for gRPC, on standard output, and logs to standard error.
func serve() error {
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	registry, err := action.NewRegistry(authn.Schemes{"session": authn.AuthenticatorFunc(sessions)},
		action.WithRecorder(event.LogRecorder(logger)))
	if err != nil {
		return err
	}
	if err := abusev1action.RegisterAbuseService(registry, service{strings.Repeat("x", chunkBytes)}); err != nil {
		return err
	}
	var listeners [2]net.Listener
	for i := range listeners {
		if listeners[i], err = new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0"); err != nil {
			return err
		}
	}
	listener := listeners[0]
	srv, err := server.New(registry, server.WithLogger(logger), server.WithGRPC(grpcserver.On(listeners[1])))
	if err != nil {
		return err
	}
	if _, err := fmt.Printf("%s\n%s\n", listener.Addr(), listeners[1].Addr()); err != nil {
		return errors.Join(err, listener.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		_, _ = os.Stdin.Read(make([]byte, 1)) // it ends with the program that drives it
	}()
	return srv.Serve(ctx, listener)
}
