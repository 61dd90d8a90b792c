package account

import (
	"context"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// watchPage is how many accounts that were there already are in memory at a time.
const watchPage = 100

// WatchUsers sends every account as it is, and from then on each change of one. What
// changes while the accounts are sent may come twice, the last time as it is. A
// client that reads too slowly to keep up is told to watch anew.
func (s *Service) WatchUsers(ctx context.Context, _ *action.Call[demov1.WatchUsersRequest], out *action.ServerStream[demov1.WatchUsersResponse]) error {
	watch := s.users.Watch()
	defer watch.Close()
	for more, token := true, ""; more; more = token != "" {
		page, next, err := s.users.List(ctx, watchPage, token)
		if err != nil {
			return s.fault(ctx, err)
		}
		for _, user := range page {
			if err := sendChange(out, demov1.WatchUsersResponse_CHANGE_PRESENT, user); err != nil {
				return err
			}
		}
		token = next
	}
	for {
		change, err := watch.Next(ctx)
		if err != nil {
			return s.fault(ctx, err)
		}
		if err := sendChange(out, kind(change.Kind), change.User); err != nil {
			return err
		}
	}
}

func sendChange(out *action.ServerStream[demov1.WatchUsersResponse], change demov1.WatchUsersResponse_Change, user directory.User) error {
	return out.Send(&demov1.WatchUsersResponse{Change: change, User: described(user)})
}

// kind returns what callers see of a kind of change.
func kind(kind directory.Kind) demov1.WatchUsersResponse_Change {
	switch kind {
	case directory.Created:
		return demov1.WatchUsersResponse_CHANGE_CREATED
	case directory.Updated:
		return demov1.WatchUsersResponse_CHANGE_UPDATED
	case directory.Deleted:
		return demov1.WatchUsersResponse_CHANGE_DELETED
	default:
		return demov1.WatchUsersResponse_CHANGE_UNSPECIFIED
	}
}
