package authn

import (
	"context"
	"errors"
	"fmt"
)

// Errors that an [Authenticator] returns. Test for them with [errors.Is].
var (
	// ErrNoCredential says that the call carries no credential of this kind.
	ErrNoCredential = errors.New("no credential offered")
	// ErrInvalidCredential is what every error of [InvalidCredential] wraps.
	ErrInvalidCredential = errors.New("invalid credential")
	// ErrUnavailable is what every error of [Unavailable] wraps.
	ErrUnavailable = errors.New("temporarily unavailable")
)

// InvalidCredential returns the error for a credential that is present and not
// valid. The reason is for operators, such as "session expired"; the caller never
// sees it, and it must not repeat the credential.
func InvalidCredential(reason string) error {
	return &answer{kind: ErrInvalidCredential, text: reason}
}

// Unavailable returns the error for a question that cannot be answered now, such as
// one to a store that is down. Callers see the code unavailable and a fixed text. A
// nil cause gives [ErrUnavailable].
func Unavailable(cause error) error {
	if cause == nil {
		return ErrUnavailable
	}
	return &answer{kind: ErrUnavailable, text: cause.Error(), cause: cause}
}

// FromLookup turns the error of an application's own function, such as one that looks
// up the user of a session, into the error that an [Authenticator] returns after it
// found a credential. doing says what was done, for operators: "look up the user".
//
//   - The context's own error comes first, when ctx has ended.
//   - [ErrInvalidCredential] and [ErrUnavailable] pass through.
//   - [ErrNoCredential] becomes a fault: there is a credential, and saying otherwise
//     would let another scheme decide.
//   - Any other error becomes [ErrUnavailable].
//
// A nil error stays nil.
func FromLookup(ctx context.Context, doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, ErrNoCredential):
		return fmt.Errorf("%s: %v", doing, err) //nolint:errorlint // wrapping it would let another scheme decide
	case errors.Is(err, ErrInvalidCredential), errors.Is(err, ErrUnavailable):
		return err
	default:
		return Unavailable(fmt.Errorf("%s: %w", doing, err))
	}
}

// answer is an error of one of the kinds above, with a text for operators.
type answer struct {
	kind  error
	text  string
	cause error
}

func (a *answer) Error() string {
	if a.text == "" {
		return a.kind.Error()
	}
	return a.kind.Error() + ": " + a.text
}

func (a *answer) Unwrap() []error {
	if a.cause == nil {
		return []error{a.kind}
	}
	return []error{a.kind, a.cause}
}
