package account

import (
	"context"
	"errors"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// watchPage is how many of the accounts that exist already are in memory at a time.
const watchPage = 100

// errDraining ends a watch when the server shuts down: the client may watch another one.
var errDraining = connect.NewError(connect.CodeUnavailable, "the server is shutting down")

// WatchUsers sends every account as it is, and then each change as it happens. An account
// that changes while the accounts are sent may be sent twice. The stream of a client that
// reads too slowly to keep up ends with the code aborted.
func (s *Service) WatchUsers(ctx context.Context, _ *action.Call[demov1.WatchUsersRequest], out *action.ServerStream[demov1.WatchUsersResponse]) error {
	watch := s.users.Watch()
	defer watch.Close()
	watching, stop := untilDraining(ctx)
	defer stop()
	for more, token := true, ""; more; more = token != "" {
		page, next, err := s.users.List(ctx, watchPage, token)
		if err != nil {
			return fault(err)
		}
		for _, user := range page {
			if err := sendChange(out, demov1.WatchUsersResponse_CHANGE_PRESENT, user); err != nil {
				return err
			}
		}
		token = next
	}
	for {
		change, err := watch.Next(watching)
		if errors.Is(context.Cause(watching), errDraining) {
			return errDraining
		}
		if err != nil {
			return fault(err)
		}
		if err := sendChange(out, kind(change.Kind), change.User); err != nil {
			return err
		}
	}
}

// untilDraining returns a context that also ends, with the cause errDraining, when the
// server begins to shut down.
func untilDraining(ctx context.Context) (watching context.Context, stop func()) {
	watching, cancel := context.WithCancelCause(ctx)
	draining := action.Draining(ctx)
	go func() {
		select {
		case <-draining:
			cancel(errDraining)
		case <-watching.Done():
		}
	}()
	return watching, func() { cancel(nil) }
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
