package account_test

import (
	"context"

	"github.com/sallyport-rpc/sallyport/action"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

func (w *witness) WatchUsers(ctx context.Context, call *action.Call[demov1.WatchUsersRequest], stream *action.ServerStream[demov1.WatchUsersResponse]) error {
	w.ran.Add(1)
	return w.service.WatchUsers(ctx, call, stream)
}

func (w *witness) ImportUsers(ctx context.Context, stream *action.ClientStream[demov1.ImportUsersRequest]) (*demov1.ImportUsersResponse, error) {
	w.ran.Add(1)
	return w.service.ImportUsers(ctx, stream)
}

func (w *witness) SyncProfiles(ctx context.Context, stream *action.BidiStream[demov1.SyncProfilesRequest, demov1.SyncProfilesResponse]) error {
	w.ran.Add(1)
	return w.service.SyncProfiles(ctx, stream)
}
