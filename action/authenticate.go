package action

import (
	"context"
	"errors"

	"connectrpc.com/connect/v2"
)

// An Authenticator finds out who is calling. It is the one thing behind a scheme
// name.
//
// Authenticate returns exactly one of these:
//
//   - a principal with an id and a nil error: the caller is known;
//   - [ErrNoCredential]: the call carries no credential of this kind, so the gate
//     tries the next scheme that the action names;
//   - an error made by [InvalidCredential]: a credential is there and is not
//     good. The call ends as unauthenticated, whatever other schemes could say;
//   - an error made by [Unavailable]: nobody can tell now. The call ends as
//     unavailable;
//   - the context's own error, which keeps its code;
//   - any other error: a fault. The call ends as internal.
//
// Everything else denies: a nil principal without an error, a principal without
// an id or past its expiry, a principal next to an error, a panic. Error texts go
// to the decision record and never to the caller; put no credential in them.
//
// The call's headers are what the client sent, untrusted and unparsed; two values
// of one header are two values. An Authenticator must be safe for concurrent use
// and should return when ctx ends. The principals it returns are immutable, so one
// may be returned to many calls.
type Authenticator interface {
	Authenticate(ctx context.Context, call *connect.CallInfo) (*Principal, error)
}

// AuthenticatorFunc is a function that serves as an [Authenticator].
type AuthenticatorFunc func(ctx context.Context, call *connect.CallInfo) (*Principal, error)

// Authenticate calls f.
func (f AuthenticatorFunc) Authenticate(ctx context.Context, call *connect.CallInfo) (*Principal, error) {
	return f(ctx, call)
}

// A Challenger is an [Authenticator] that can tell a client how to authenticate.
// The gate sets the answer as a WWW-Authenticate response header (RFC 9110,
// section 11.6.1) on every call that ends as unauthenticated.
type Challenger interface {
	Authenticator
	// Challenge returns one challenge, such as `Bearer realm="accounts"`, or ""
	// for none. It must not repeat anything the client sent.
	Challenge(denial Decision) string
}

// A Dated authenticator can say whether it knows when its principals proved who they
// are. An action with a max_age takes only schemes that do; registration refuses
// others.
type Dated interface {
	Authenticator
	// KnowsAuthenticationTime reports whether [Principal.AuthenticatedAt] is set, at
	// least on some principals. One without it is denied where a max_age is asked for.
	KnowsAuthenticationTime() bool
}

// Schemes binds the scheme names that declarations use to authenticators.
type Schemes map[string]Authenticator

// Errors that an [Authenticator] answers with. Test for them with [errors.Is].
var (
	// ErrNoCredential says that the call carries no credential of this kind.
	ErrNoCredential = errors.New("no credential offered")
	// ErrInvalidCredential is what every error of [InvalidCredential] wraps.
	ErrInvalidCredential = errors.New("invalid credential")
	// ErrUnavailable is what every error of [Unavailable] wraps.
	ErrUnavailable = errors.New("temporarily unavailable")
)

// InvalidCredential returns the error for a credential that is present and not
// good. The reason is for operators, such as "session expired"; the caller never
// sees it, and it must not repeat the credential.
func InvalidCredential(reason string) error {
	return &answer{kind: ErrInvalidCredential, text: reason}
}

// Unavailable returns the error for a question that nobody can answer now, such
// as a store that is down. Callers see the code unavailable and a fixed text.
func Unavailable(cause error) error {
	if cause == nil {
		return ErrUnavailable
	}
	return &answer{kind: ErrUnavailable, text: cause.Error(), cause: cause}
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
