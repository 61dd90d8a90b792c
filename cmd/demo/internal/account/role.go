package account

import (
	"context"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// GrantRole replaces the role of an account. The new role holds from the account's next
// call on, and its live streams are checked again at once.
func (s *Service) GrantRole(ctx context.Context, call *action.Call[demov1.GrantRoleRequest]) (*demov1.GrantRoleResponse, error) {
	request := call.Message()
	user, err := s.users.GrantRole(ctx, request.GetUserId(), directory.Role(request.GetRole()))
	if err != nil {
		return nil, fault(err)
	}
	s.sessions.Changed(user.ID)
	return &demov1.GrantRoleResponse{User: described(user)}, nil
}
