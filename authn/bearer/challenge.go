package bearer

import (
	"strconv"
	"time"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/internal/credential"
)

// Challenge returns what a call that was denied would have needed: a newer sign-in
// (RFC 9470, section 3), more scopes (RFC 6750, section 3.1), a token that is good,
// or any token at all.
func (a *Authenticator) Challenge(denial authn.Denial) string {
	challenge := `Bearer realm="` + a.realm + `"`
	switch denial.Reason {
	case authn.NotFresh:
		seconds := strconv.FormatInt(int64(denial.MaxAge/time.Second), 10)
		return challenge + `, error="insufficient_user_authentication", max_age="` + seconds + `"`
	case authn.InsufficientScope:
		return challenge + credential.InsufficientScope(denial.MissingScopes)
	case authn.NoCredential:
		return challenge // RFC 6750, section 3.1: no error code where nothing was offered
	default:
		return challenge + `, error="invalid_token"`
	}
}

// isOutsideQuotes reports whether a letter of a scope cannot stand in a quoted string
// as it is.
func isOutsideQuotes(r rune) bool { return credential.IsOutsideQuotes(r) }
