package bearer

import (
	"context"
	"slices"
	"strings"

	"github.com/sallyport-rpc/sallyport/authn"
)

// An Identify function turns a verified token into a principal: its id, roles, scopes
// and claims. It is where an application looks a subject up among its own users, gives
// roles its own names, or asks whether a token was revoked. Claims that it returns take
// the place of those of [WithClaims].
//
// For a token that must not be let in it returns an error made by
// [authn.InvalidCredential]; after any other error the call ends as unavailable.
// AuthenticatedAt and Unscoped of the details are ignored, since the token and the
// options say it; ExpiresAt holds where it comes before the token's own.
//
// It must be safe for concurrent use, and not keep the token's claims. Behind a
// cache, what it answers is remembered.
type Identify func(ctx context.Context, token *Token) (id string, details authn.Details, err error)

// QualifiedSubject is the [Identify] function that holds by default. The id is the
// issuer, "#" and the subject, which no other issuer can make, since no issuer has a
// "#" in it. For roles and scopes see [Token.Granted]. There are no
// claims but those of [WithClaims].
func QualifiedSubject(_ context.Context, token *Token) (string, authn.Details, error) {
	details, err := token.Granted()
	return token.Issuer + "#" + token.Subject, details, err
}

// UnsafeSubject is an [Identify] function whose id is the subject alone. It is for a
// registry whose principals all come from this one issuer: where another scheme gives
// ids as well, a caller who can choose a subject here can take any id of that scheme.
// Otherwise it is [QualifiedSubject].
func UnsafeSubject(_ context.Context, token *Token) (string, authn.Details, error) {
	details, err := token.Granted()
	return token.Subject, details, err
}

// isScoped reports whether a token carries no more than its scopes.
func (s *settings) isScoped(token *Token) bool {
	switch s.scoped {
	case neverScoped:
		return false
	case scopedByClaim:
		// An empty claim, and one that is null, say that no scope was granted.
		return claims(token.Claims).has("scope") || claims(token.Claims).has("scp")
	default:
		return true
	}
}

var (
	errScopes = authn.InvalidCredential("token claim scope or scp is neither a text nor a list of texts")
	errRoles  = authn.InvalidCredential("token claim roles is neither a text nor a list of texts")
)

// Granted returns the scopes and roles that the token says were granted: scopes by
// "scope" (RFC 9068), or by "scp" where there is no "scope", as a text with spaces
// between or as a list; roles by "roles", as a list or as a text that is one role, which
// is how many issuers write a list of one. A claim that is absent or null grants
// nothing; one of another type makes the token invalid.
func (t *Token) Granted() (authn.Details, error) {
	name := "scope"
	if t.Claims[name] == nil {
		name = "scp"
	}
	var granted authn.Details
	var ok bool
	if text, isText := t.Claims[name].(string); isText {
		granted.Scopes = strings.FieldsFunc(text, func(r rune) bool { return r == ' ' })
	} else if granted.Scopes, ok = t.list(name); !ok {
		return authn.Details{}, errScopes
	}
	if granted.Roles, ok = t.list("roles"); !ok {
		return authn.Details{}, errRoles
	}
	return granted, nil
}

// list returns a claim that is a list of texts, or one text, or nil if there is none.
func (t *Token) list(name string) ([]string, bool) {
	claim := t.Claims[name]
	if claim == nil {
		return nil, true
	}
	if text, ok := claim.(string); ok {
		return []string{text}, true
	}
	values, ok := claim.([]any)
	if !ok || slices.ContainsFunc(values, isNoText) {
		return nil, false
	}
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i], _ = value.(string)
	}
	return texts, true
}
