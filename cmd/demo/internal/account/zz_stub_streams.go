package account

import (
	"context"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

var errNotYet = connect.NewError(connect.CodeUnimplemented, "not implemented")

// WatchUsers is not implemented.
func (s *Service) WatchUsers(context.Context, *action.Call[demov1.WatchUsersRequest], *action.ServerStream[demov1.WatchUsersResponse]) error {
	return errNotYet
}

// ImportUsers is not implemented.
func (s *Service) ImportUsers(context.Context, *action.ClientStream[demov1.ImportUsersRequest]) (*demov1.ImportUsersResponse, error) {
	return nil, errNotYet
}

// SyncProfiles is not implemented.
func (s *Service) SyncProfiles(context.Context, *action.BidiStream[demov1.SyncProfilesRequest, demov1.SyncProfilesResponse]) error {
	return errNotYet
}
