package account

import (
	"context"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// SignUp creates an account with the role member and signs it in.
//
// Every caller may learn that an email is taken: without sending mail there is no other
// way to say why no account was created. SignIn does not say which emails exist.
func (s *Service) SignUp(ctx context.Context, call *action.AnonymousCall[demov1.SignUpRequest]) (*demov1.SignUpResponse, error) {
	request := call.Message()
	source := s.source(ctx, request.GetEmail(), directory.User{})
	hash, err := s.passwords.Hash(ctx, source, request.GetPassword())
	if err != nil {
		return nil, fault(err)
	}
	user, err := s.users.Create(ctx, directory.User{
		Name:         request.GetName(),
		Email:        request.GetEmail(),
		Role:         directory.Member,
		PasswordHash: hash,
	})
	if err != nil {
		return nil, fault(err)
	}
	token, err := s.sessions.Start(ctx, user.ID)
	if err != nil {
		return nil, fault(err) // the account exists, and can sign in later
	}
	s.remember(ctx, user, source)
	return &demov1.SignUpResponse{UserId: user.ID, SessionToken: token}, nil
}
