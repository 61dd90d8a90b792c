package account

import (
	"context"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// SignUp makes an account with the role member and signs it in.
//
// That an email is taken is told to whoever asks: without a mail to the address
// there is no other way to say why there is no account now. SignIn keeps quiet.
func (s *Service) SignUp(ctx context.Context, call *action.AnonymousCall[demov1.SignUpRequest]) (*demov1.SignUpResponse, error) {
	request := call.Message()
	hash, err := s.passwords.Hash(ctx, request.GetPassword())
	if err != nil {
		return nil, s.fault(ctx, err)
	}
	user, err := s.users.Create(ctx, directory.User{
		Name:         request.GetName(),
		Email:        request.GetEmail(),
		Role:         directory.Member,
		PasswordHash: hash,
	})
	if err != nil {
		return nil, s.fault(ctx, err)
	}
	token, err := s.sessions.Start(ctx, user.ID)
	if err != nil {
		return nil, s.fault(ctx, err) // the account is there, and can sign in later
	}
	return &demov1.SignUpResponse{User: described(user), SessionToken: token}, nil
}
