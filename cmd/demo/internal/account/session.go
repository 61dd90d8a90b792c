package account

import (
	"context"
	"errors"
	"log/slog"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/password"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// SignIn starts a session. It replaces the session that the call carries.
func (s *Service) SignIn(ctx context.Context, call *action.AnonymousCall[demov1.SignInRequest]) (*demov1.SignInResponse, error) {
	request := call.Message()
	user, err := s.users.ByEmail(ctx, request.GetEmail())
	if err != nil && !errors.Is(err, directory.ErrNotFound) {
		return nil, fault(err)
	}
	source := s.source(ctx, request.GetEmail(), user)
	right, err := s.verify(ctx, source, user, request.GetPassword())
	if err != nil {
		return nil, fault(err)
	}
	if !right {
		// The log names the user by id alone: the text may be a password that was typed into
		// the wrong field.
		s.log.LogAttrs(ctx, slog.LevelInfo, "sign-in refused", slog.String("user", user.ID))
		return nil, errSignIn
	}
	token, err := s.sessions.Start(ctx, user.ID)
	if err != nil {
		return nil, fault(err)
	}
	s.remember(ctx, user, source)
	return &demov1.SignInResponse{UserId: user.ID, SessionToken: token}, nil
}

// verify reports whether the password is the user's. It takes the same time for the zero
// User, and for one without a password.
func (s *Service) verify(ctx context.Context, source password.Source, user directory.User, password string) (bool, error) {
	if user.PasswordHash == "" {
		return false, s.passwords.VerifyNone(ctx, source, password)
	}
	right, err := s.passwords.Verify(ctx, source, user.PasswordHash, password)
	return right && err == nil, err
}

// SignOut ends the caller's sessions. The users' own database keeps that they have ended,
// so they stay ended where the store of sessions is put back to an older state.
func (s *Service) SignOut(ctx context.Context, call *action.Call[demov1.SignOutRequest]) (*demov1.SignOutResponse, error) {
	id := call.Principal().ID()
	if err := s.users.EndSessions(ctx, id); err != nil {
		return nil, fault(err)
	}
	// These also remove the cookie, and have live streams checked again at once.
	if err := errors.Join(s.sessions.End(ctx), s.sessions.EndAll(ctx, id)); err != nil {
		return nil, fault(err)
	}
	return &demov1.SignOutResponse{}, nil
}
