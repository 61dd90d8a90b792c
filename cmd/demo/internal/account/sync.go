package account

import (
	"context"
	"errors"
	"io"

	"github.com/sallyport-rpc/sallyport/action"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// SyncProfiles changes the caller's own profile once per message. What an earlier message
// changed stays, also when a later one fails.
func (s *Service) SyncProfiles(ctx context.Context, stream *action.BidiStream[demov1.SyncProfilesRequest, demov1.SyncProfilesResponse]) error {
	for {
		request, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		user, err := s.users.UpdateProfile(ctx, request.GetUserId(), request.GetName(), request.GetEmail())
		if err != nil {
			return fault(err)
		}
		if err := stream.Send(&demov1.SyncProfilesResponse{User: described(user)}); err != nil {
			return err
		}
	}
}
