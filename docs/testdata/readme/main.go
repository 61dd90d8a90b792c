// This program is the example of the README.
package main

import (
	"context"
	"fmt"
	"os"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/server"
)

// store is where the accounts are.
type store struct{}

func (*store) delete(context.Context, string) (*demov1.DeleteUserResponse, error) {
	return &demov1.DeleteUserResponse{}, nil
}

// accounts implements the one action that the README shows.
type accounts struct {
	demov1action.AccountServiceHandler

	store *store
}

func (a accounts) DeleteUser(ctx context.Context, call *action.Call[demov1.DeleteUserRequest]) (*demov1.DeleteUserResponse, error) {
	// call.Message() was validated. call.Principal() was authenticated, and authorized for this very message.
	return a.store.delete(ctx, call.Message().GetUserId())
}

func serve(ctx context.Context, sessions, tokens, keys authn.Authenticator, users *store) error {
	registry, err := action.NewRegistry(authn.Schemes{"session": sessions, "bearer": tokens, "apikey": keys})
	if err != nil {
		return err
	}
	err = demov1action.RegisterAccountService(registry, accounts{store: users}) // the error lists every refusal
	if err != nil {
		return err
	}
	srv, err := server.New(registry, server.WithAddress(":8080"))
	if err != nil {
		return err
	}
	return srv.Run(ctx)
}

// unknown is an authenticator that finds no credential.
type unknown struct{}

func (unknown) Authenticate(context.Context, *connect.CallInfo) (*authn.Principal, error) {
	return nil, authn.ErrNoCredential
}

func (unknown) ReportsAuthenticationTime() bool { return true }

func main() {
	ctx, stop := server.SignalContext(context.Background())
	defer stop()
	if err := serve(ctx, unknown{}, unknown{}, unknown{}, &store{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
