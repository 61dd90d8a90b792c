package account

import (
	"context"
	"errors"
	"log/slog"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// SignIn starts a session, in place of the one that the call came with.
func (s *Service) SignIn(ctx context.Context, call *action.AnonymousCall[demov1.SignInRequest]) (*demov1.SignInResponse, error) {
	request := call.Message()
	user, right, err := s.verify(ctx, request.GetEmail(), request.GetPassword())
	if err != nil {
		return nil, s.fault(ctx, err)
	}
	if !right {
		// The user is known by id alone: somebody may have typed a password for an email.
		s.log.LogAttrs(ctx, slog.LevelInfo, "sign-in refused", slog.String("user", user.ID))
		return nil, errSignIn
	}
	token, err := s.sessions.Start(ctx, user.ID)
	if err != nil {
		return nil, s.fault(ctx, err)
	}
	return &demov1.SignInResponse{User: described(user), SessionToken: token}, nil
}

// verify reports whether a user has the email and the password. It takes as long for
// an email that nobody has.
func (s *Service) verify(ctx context.Context, email, password string) (directory.User, bool, error) {
	user, err := s.users.ByEmail(ctx, email)
	if errors.Is(err, directory.ErrNotFound) {
		return directory.User{}, false, s.passwords.VerifyNone(ctx, password)
	}
	if err != nil {
		return directory.User{}, false, err
	}
	if user.PasswordHash == "" { // it was imported, and nothing opens it
		return user, false, s.passwords.VerifyNone(ctx, password)
	}
	right, err := s.passwords.Verify(ctx, user.PasswordHash, password)
	return user, right && err == nil, err
}

// SignOut ends the session that the call came with.
func (s *Service) SignOut(ctx context.Context, _ *action.Call[demov1.SignOutRequest]) (*demov1.SignOutResponse, error) {
	if err := s.sessions.End(ctx); err != nil {
		return nil, s.fault(ctx, err)
	}
	return &demov1.SignOutResponse{}, nil
}
