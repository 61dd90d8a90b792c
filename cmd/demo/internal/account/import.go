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

// maxImport is how many accounts one import may create. They are in memory until they are
// stored.
const maxImport = 10_000

var errImport = connect.NewError(connect.CodeResourceExhausted, "one import creates at most 10000 accounts")

// ImportUsers creates accounts with the role member: all that are sent, or none. They have
// no password, so they cannot sign in.
//
// The accounts are stored after the last message was received, so that a client that
// pauses holds no lock.
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
	created, err := s.users.CreateAll(ctx, users...)
	if err != nil {
		return nil, fault(err)
	}
	return &demov1.ImportUsersResponse{Imported: int32(len(created))}, nil //nolint:gosec // maxImport at most
}
