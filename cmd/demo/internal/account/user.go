package account

import (
	"context"
	"errors"

	"github.com/sallyport-rpc/sallyport/action"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// GetUser returns one account.
func (s *Service) GetUser(ctx context.Context, call *action.Call[demov1.GetUserRequest]) (*demov1.GetUserResponse, error) {
	user, err := s.users.Get(ctx, call.Message().GetUserId())
	if err != nil {
		return nil, fault(err)
	}
	return &demov1.GetUserResponse{User: described(user)}, nil
}

// UpdateProfile changes the name and email of the caller's own account.
func (s *Service) UpdateProfile(ctx context.Context, call *action.Call[demov1.UpdateProfileRequest]) (*demov1.UpdateProfileResponse, error) {
	request := call.Message()
	user, err := s.users.UpdateProfile(ctx, request.GetUserId(), request.GetName(), request.GetEmail())
	if err != nil {
		return nil, fault(err)
	}
	return &demov1.UpdateProfileResponse{User: described(user)}, nil
}

// DeleteUser deletes an account. The directory removes the user's sessions and keys in the
// same write. EndAll is for sessions in another store, and Forget for a relation engine: what
// is left there opens nothing. Live streams are checked again at once.
func (s *Service) DeleteUser(ctx context.Context, call *action.Call[demov1.DeleteUserRequest]) (*demov1.DeleteUserResponse, error) {
	id := call.Message().GetUserId()
	if err := s.users.Delete(ctx, id); err != nil {
		return nil, fault(err)
	}
	if err := errors.Join(s.sessions.EndAll(ctx, id), s.users.Forget(ctx, id)); err != nil {
		return nil, fault(err)
	}
	return &demov1.DeleteUserResponse{}, nil
}

// ListUsers returns one page of accounts, oldest first.
func (s *Service) ListUsers(ctx context.Context, call *action.Call[demov1.ListUsersRequest]) (*demov1.ListUsersResponse, error) {
	request := call.Message()
	page, next, err := s.users.List(ctx, int(request.GetPageSize()), request.GetPageToken())
	if err != nil {
		return nil, fault(err)
	}
	response := &demov1.ListUsersResponse{NextPageToken: next}
	for _, user := range page {
		response.Users = append(response.Users, described(user))
	}
	return response, nil
}
