package browsertest_test

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn/session"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
)

// accounts is the demo's service, as far as the page needs it.
type accounts struct {
	demov1action.AccountServiceHandler

	sessions *session.Manager
	handled  atomic.Int64
}

func (a *accounts) SignIn(ctx context.Context, _ *action.AnonymousCall[demov1.SignInRequest]) (*demov1.SignInResponse, error) {
	a.handled.Add(1)
	token, err := a.sessions.Start(ctx, "ada")
	return &demov1.SignInResponse{SessionToken: token}, err
}

func (a *accounts) ListApiKeys(context.Context, *action.Call[demov1.ListApiKeysRequest]) (*demov1.ListApiKeysResponse, error) { //nolint:revive // the schema's name
	a.handled.Add(1)
	return &demov1.ListApiKeysResponse{}, nil
}

func (a *accounts) ListUsers(context.Context, *action.Call[demov1.ListUsersRequest]) (*demov1.ListUsersResponse, error) {
	a.handled.Add(1)
	return &demov1.ListUsersResponse{Users: []*demov1.User{{Name: "Ada"}}}, nil
}

// WatchUsers sends three messages, with a pause after each.
func (a *accounts) WatchUsers(ctx context.Context, _ *action.Call[demov1.WatchUsersRequest], stream *action.ServerStream[demov1.WatchUsersResponse]) error {
	a.handled.Add(1)
	for range 3 {
		if err := stream.Send(&demov1.WatchUsersResponse{}); err != nil {
			return err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
