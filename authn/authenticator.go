package authn

import (
	"context"

	"connectrpc.com/connect/v2"
)

// An Authenticator finds out who is calling. One stands behind each scheme name.
//
// Authenticate returns exactly one of these:
//
//   - a principal with an id and a nil error: the caller is known;
//   - [ErrNoCredential]: the call carries no credential of this kind, so the gate
//     asks the next scheme that the action names;
//   - an error made by [InvalidCredential]: a credential is present and not valid.
//     The call ends as unauthenticated, even if another scheme would accept it;
//   - an error made by [Unavailable]: the credential cannot be verified now. The call
//     ends as unavailable;
//   - the context's own error, which keeps its code;
//   - any other error: a fault. The call ends as internal.
//
// Everything else denies: a nil principal without an error, a principal without an id
// or past its expiry, a principal next to an error, a panic. Error texts go to the
// operator's events and never to the caller; put no credential in them.
//
// The call's headers are what the client sent, untrusted and unparsed; two values of
// one header are two values. An Authenticator must be safe for concurrent use and
// should return when ctx ends. The principals it returns are immutable, so one may be
// returned to many calls.
type Authenticator interface {
	Authenticate(ctx context.Context, call *connect.CallInfo) (*Principal, error)
}

// AuthenticatorFunc is a function that serves as an [Authenticator].
type AuthenticatorFunc func(ctx context.Context, call *connect.CallInfo) (*Principal, error)

// Authenticate calls f.
func (f AuthenticatorFunc) Authenticate(ctx context.Context, call *connect.CallInfo) (*Principal, error) {
	return f(ctx, call)
}

// Schemes binds the scheme names that declarations use to authenticators.
type Schemes map[string]Authenticator

// A FreshnessReporter is an [Authenticator] that can say whether it knows when its
// principals authenticated. An action with a max_age takes only schemes that know it;
// registration refuses others.
type FreshnessReporter interface {
	Authenticator
	// ReportsAuthenticationTime reports whether [Principal.AuthenticatedAt] is set on at
	// least some principals. An action with a max_age denies a principal without it.
	ReportsAuthenticationTime() bool
}

// A Revoker is an [Authenticator] that learns when credentials are revoked before
// they expire. A registry subscribes to each of its authenticators that is one, and
// rechecks the principal's live streams at once.
type Revoker interface {
	Authenticator
	// OnRevoke subscribes to revocations: revoked is called with the id of a principal
	// when one of its credentials is revoked, or when what it may do has changed, and
	// with "" when that may be so for any principal. The calls may come from any
	// goroutine, and return soon. A subscription does not end.
	OnRevoke(revoked func(principalID string))
}
