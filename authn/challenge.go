package authn

import "time"

// A Challenger is an [Authenticator] that has a way to say how to authenticate. The
// gate sets the answer as a WWW-Authenticate response header (RFC 9110, section
// 11.6.1) on every call that another credential could have made succeed.
type Challenger interface {
	Authenticator
	// Challenge returns one challenge, such as `Bearer realm="accounts"`, or "" for
	// none. It must not repeat anything that the client sent.
	Challenge(denial Denial) string
}

// A Denial says what was wrong with the credentials of a call, so that a challenge
// can name what would be right.
type Denial struct {
	// Reason is what was wrong.
	Reason DenialReason
	// MaxAge is how long ago the caller may have authenticated. It is set for
	// [NotFresh].
	MaxAge time.Duration
	// MissingScopes are the scopes that the call lacked, for [InsufficientScope]. There
	// are none where the action takes no scoped credential.
	MissingScopes []string
}

// A DenialReason is what was wrong with the credentials of a call. Its zero value
// says nothing.
type DenialReason uint8

// The reasons.
const (
	// ReasonUnspecified says nothing.
	ReasonUnspecified DenialReason = iota
	// NoCredential: the call offered no credential.
	NoCredential
	// BadCredential: the call offered a credential that is not valid, or credentials
	// that name different principals.
	BadCredential
	// Expired: the credential was valid and has ended.
	Expired
	// NotFresh: the caller authenticated longer ago than the action allows.
	NotFresh
	// InsufficientScope: the credential lacks scopes.
	InsufficientScope
)

var denialReasons = [...]string{"unspecified", "no credential", "bad credential", "expired", "not fresh", "insufficient scope"}

// String returns the reason in words.
func (r DenialReason) String() string {
	if int(r) < len(denialReasons) {
		return denialReasons[r]
	}
	return "unknown"
}
