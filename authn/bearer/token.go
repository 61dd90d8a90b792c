package bearer

import (
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4/json"

	"github.com/sallyport-rpc/sallyport/authn"
)

// A Token is a verified token. Its fields are what it claims; the token itself,
// which is a credential, is not among them.
type Token struct {
	// Issuer is who made the token: the one that was given to [New].
	Issuer string
	// Subject is the user or program that it is about. It is unique for this issuer, and never empty.
	Subject string
	// ID is the token's own id, "jti", or "" if it has none.
	ID string
	// IssuedAt is when the token was made, or the zero time if it does not say.
	IssuedAt time.Time
	// AuthenticatedAt is when the subject proved its identity, by "auth_time", or the zero
	// time if the token does not say. IssuedAt is no substitute: a token that was
	// refreshed is newer than its sign-in.
	AuthenticatedAt time.Time
	// ExpiresAt is when the token ends. It is never zero.
	ExpiresAt time.Time
	// Claims are all claims, as [encoding/json] would have them in an any. A number is a
	// float64, which is not exact beyond 2^53: [Token.Fill] is.
	Claims map[string]any

	payload []byte // what was signed
}

var (
	errClaims    = authn.InvalidCredential("token claims are malformed")
	errIssuer    = authn.InvalidCredential("token is by another issuer")
	errAudience  = authn.InvalidCredential("token is for another audience")
	errSubject   = authn.InvalidCredential("token has no subject, or one that is too long or not UTF-8")
	errNoExpiry  = authn.InvalidCredential("token has no expiry")
	errExpired   = authn.InvalidCredential("token has expired")
	errNotYet    = authn.InvalidCredential("token is not valid yet")
	errIssuedAt  = authn.InvalidCredential("token was made in the future")
	errFreshness = authn.InvalidCredential("token says that the sign-in is in the future")
	errBound     = authn.InvalidCredential("token is bound to a key, of which there is no proof")
	errEvent     = authn.InvalidCredential("token is a security event")
)

// maxSubject is the longest subject that OpenID Connect Core, section 2, allows.
const maxSubject = 255

// newToken reads the claims that a good signature stands for, and holds them against
// what the authenticator asks for.
func newToken(payload []byte, authenticator *Authenticator) (*Token, error) {
	claims, err := parseClaims(payload)
	if err != nil {
		return nil, err
	}
	now := authenticator.now()
	ahead := now.Add(authenticator.skew)
	expires, issued, began, signedIn := claims.time("exp"), claims.time("iat"), claims.time("nbf"), claims.time("auth_time")
	subject, _ := claims.text("sub")
	id, idOK := claims.text("jti")
	issuer, _ := claims.text("iss")
	switch {
	case !expires.ok, !issued.ok, !began.ok, !signedIn.ok, !idOK:
		return nil, errClaims
	case issuer != authenticator.issuer:
		return nil, errIssuer
	case !claims.meantFor(authenticator.audience):
		return nil, errAudience
	// U+FFFD is what JSON makes of text that is none: two subjects could become one.
	case subject == "", len(subject) > maxSubject, strings.ContainsRune(subject, utf8.RuneError):
		return nil, errSubject
	case expires.IsZero():
		return nil, errNoExpiry
	case !now.Before(expires.Time):
		return nil, errExpired
	case began.After(ahead):
		return nil, errNotYet
	case issued.After(ahead):
		return nil, errIssuedAt
	case signedIn.After(ahead):
		return nil, errFreshness
	case claims.has("cnf"): // RFC 7800
		return nil, errBound
	case claims.has("events"): // RFC 8417, and the logout tokens of OpenID Connect
		return nil, errEvent
	}
	return &Token{
		Issuer: issuer, Subject: subject, ID: id,
		IssuedAt: issued.Time, AuthenticatedAt: signedIn.Time, ExpiresAt: expires.Time,
		Claims: claims, payload: payload,
	}, nil
}

// claims are a token's claims by name.
type claims map[string]any

func parseClaims(payload []byte) (claims, error) {
	var parsed map[string]any
	if !utf8.Valid(payload) || json.Unmarshal(payload, &parsed) != nil || parsed == nil {
		return nil, errClaims
	}
	return parsed, nil
}

func (c claims) has(name string) bool {
	_, ok := c[name]
	return ok
}

// text returns a claim that is a text. It is fine for it to be absent, and not for it
// to be something else.
func (c claims) text(name string) (value string, ok bool) {
	if !c.has(name) {
		return "", true
	}
	value, ok = c[name].(string)
	return value, ok
}

// instant is a time that a claim gives, zero where there is no such claim. It is not
// ok where the claim is not a time.
type instant struct {
	time.Time

	ok bool
}

// latest is the last second of the year 9999, beyond which time cannot be written.
// Milliseconds taken for seconds are beyond it.
const latest = 253402300799

// time returns a claim that is a number of seconds since 1970.
func (c claims) time(name string) instant {
	if !c.has(name) {
		return instant{ok: true}
	}
	seconds, ok := c[name].(float64)
	if !ok || !(seconds >= 0 && seconds <= latest) {
		return instant{}
	}
	whole, fraction := math.Modf(seconds)
	return instant{time.Unix(int64(whole), int64(fraction*1e9)), true}
}

// meantFor reports whether the audience is the one claimed, or among those claimed.
func (c claims) meantFor(audience string) bool {
	switch claimed := c["aud"].(type) {
	case string:
		return claimed == audience
	case []any:
		return !slices.ContainsFunc(claimed, isNoText) && slices.Contains(claimed, any(audience))
	default:
		return false
	}
}

func isNoText(value any) bool {
	_, ok := value.(string)
	return !ok
}
