package account

import (
	"context"
	"errors"
	"log/slog"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/apikey"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/password"
)

// errSignIn is the one answer to an unknown email and to a wrong password, so that
// it does not tell which emails have accounts.
var errSignIn = connect.NewError(connect.CodeUnauthenticated, "the email or the password is wrong")

// errInternal tells nothing, whatever went wrong.
var errInternal = connect.NewError(connect.CodeInternal, "internal error")

// answers are what callers are told about the errors that handlers meet.
var answers = [...]struct {
	about  error
	answer *connect.Error
}{
	{directory.ErrNotFound, action.NotFound()},
	{directory.ErrEmailTaken, connect.NewError(connect.CodeAlreadyExists, "another account has this email")},
	{directory.ErrLastAdmin, connect.NewError(connect.CodeFailedPrecondition, "the last admin has to stay one")},
	{directory.ErrBehind, connect.NewError(connect.CodeAborted, "more has changed than was read, watch anew")},
	{directory.ErrBadPageToken, connect.NewError(connect.CodeInvalidArgument, "page_token is none that ListUsers returned")},
	{apikey.ErrNotFound, action.NotFound()},
	{errKeyName, connect.NewError(connect.CodeInvalidArgument, "name has control characters")},
	{errTooManyKeys, connect.NewError(connect.CodeResourceExhausted, "there are too many keys, revoke one first")},
	{password.ErrBusy, connect.NewError(connect.CodeResourceExhausted, "too many passwords are being checked, try again soon")},
	{authn.ErrUnavailable, connect.NewError(connect.CodeUnavailable, "temporarily unavailable")},
	{context.Canceled, connect.NewError(connect.CodeCanceled, "canceled")},
	{context.DeadlineExceeded, connect.NewError(connect.CodeDeadlineExceeded, "deadline exceeded")},
}

// fault returns what the caller is told about an error of a handler. What is not
// the caller's doing goes to the log, since no gate records what comes after it.
func (s *Service) fault(ctx context.Context, err error) *connect.Error {
	told := errInternal
	for _, known := range answers {
		if errors.Is(err, known.about) {
			told = known.answer
			break
		}
	}
	if code := told.Code(); code == connect.CodeInternal || code == connect.CodeUnavailable {
		s.log.LogAttrs(ctx, slog.LevelError, "handler failed", procedure(ctx), slog.String("error", err.Error()))
	}
	return told.WithCause(err)
}

// procedure says for the log which call it is about.
func procedure(ctx context.Context) slog.Attr {
	call, ok := connect.CallInfoForServerContext(ctx)
	if !ok {
		return slog.Attr{}
	}
	return slog.String("procedure", call.Spec.Procedure)
}
