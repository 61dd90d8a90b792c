package account

import (
	"context"
	"errors"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/apikey"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/password"
)

// errSignIn is the answer to an unknown email and to a wrong password alike, so that it
// does not show which emails have accounts.
var errSignIn = connect.NewError(connect.CodeUnauthenticated, "the email or the password is wrong")

// errInternal is the answer to every fault of the server. It says nothing about it.
var errInternal = connect.NewError(connect.CodeInternal, "internal error")

// errUnavailable is the answer where what a handler needs cannot be reached or is full.
var errUnavailable = connect.NewError(connect.CodeUnavailable, "temporarily unavailable")

// answers are what callers see of the errors of handlers. The first that matches counts.
var answers = [...]struct {
	about  error
	answer *connect.Error
}{
	{directory.ErrNotFound, action.NotFound()},
	{directory.ErrEmailTaken, connect.NewError(connect.CodeAlreadyExists, "another account has this email")},
	{directory.ErrLastAdmin, connect.NewError(connect.CodeFailedPrecondition, "the last admin must remain one")},
	{directory.ErrShared, connect.NewError(connect.CodeResourceExhausted, "too many documents are shared with one of the users")},
	{directory.ErrBehind, connect.NewError(connect.CodeAborted, "the client reads too slowly to keep up with the changes, start a new watch")},
	{directory.ErrBadPageToken, connect.NewError(connect.CodeInvalidArgument, "page_token was not returned by this list")},
	{directory.ErrBadText, connect.NewError(connect.CodeInvalidArgument, "a text has the character NUL, which cannot be kept")},
	{apikey.ErrNotFound, action.NotFound()},
	{errTooManyKeys, connect.NewError(connect.CodeResourceExhausted, "there are too many API keys, revoke one first")},
	{password.ErrBusy, connect.NewError(connect.CodeResourceExhausted, "too many passwords are waiting to be checked, try again soon")},
	// The directory's own come before ErrUnavailable, so that users, sessions and keys answer
	// alike. A gate that cannot authenticate answers the same.
	{directory.ErrBusy, errUnavailable},
	{directory.ErrUnreachable, errUnavailable},
	{directory.ErrFull, errUnavailable},
	{authn.ErrUnavailable, errUnavailable},
	{context.Canceled, connect.NewError(connect.CodeCanceled, "canceled")},
	{context.DeadlineExceeded, connect.NewError(connect.CodeDeadlineExceeded, "deadline exceeded")},
}

// fault returns what the caller sees of an error of a handler, with the error as its
// cause. The event of the call's end has the cause, so it is not logged here.
func fault(err error) *connect.Error {
	answer := errInternal
	for _, known := range answers {
		if errors.Is(err, known.about) {
			answer = known.answer
			break
		}
	}
	return answer.WithCause(err)
}
