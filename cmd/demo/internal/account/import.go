package account

import (
	"context"
	"errors"
	"io"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// maxImport bounds what one import keeps in memory until it is stored.
const maxImport = 10_000

var errImport = connect.NewError(connect.CodeResourceExhausted, "one import makes up to 10000 accounts")

// ImportUsers makes accounts with the role member, all or none of those that are
// sent. They have no password, so nobody can sign in to them.
//
// Nothing is stored before the last message has come, so that a client that pauses
// holds no lock.
func (s *Service) ImportUsers(ctx context.Context, in *action.ClientStream[demov1.ImportUsersRequest]) (*demov1.ImportUsersResponse, error) {
	var users []directory.User
	for {
		request, err := in.Receive()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(users) == maxImport {
			return nil, errImport
		}
		users = append(users, directory.User{Name: request.GetName(), Email: request.GetEmail(), Role: directory.Member})
	}
	made, err := s.users.CreateAll(ctx, users...)
	if err != nil {
		return nil, s.fault(ctx, err)
	}
	return &demov1.ImportUsersResponse{Imported: int32(len(made))}, nil //nolint:gosec // maxImport at most
}
