// Package credential reads credentials out of request headers, in one strict way
// for all authenticators: where parsers may disagree about a header, it is refused.
package credential

import (
	"strings"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
)

// MaxAuthorization is how many bytes of an Authorization header are read at most, and so
// of any credential in it. Most servers in front would not let a longer one through.
const MaxAuthorization = 8 << 10

// Bearer returns the token that follows "Bearer" in the Authorization header, or ""
// if there is no such header or it is for another authentication scheme. Of the
// forms that RFC 9110, section 11.4, knows it reads one, scheme SP token68. Anything
// else, several headers included, is an [authn.InvalidCredential].
func Bearer(header *connect.Header) (string, error) {
	token, err := Framed(header)
	if err != nil {
		return "", err
	}
	if token != "" && !IsToken68(token) {
		return "", errMalformed
	}
	return token, nil
}

// Framed is [Bearer] without the check of the token's letters, for callers that check
// the token more strictly than token68 before they trust it. That check is most of the
// cost for a token of a kilobyte, and a token that a cache knows has passed it.
func Framed(header *connect.Header) (string, error) {
	values := header.Values("Authorization")
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1:
		return "", errSeveral
	case len(values[0]) > MaxAuthorization:
		return "", errOversized
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if token != "" && strings.EqualFold(scheme, "Bearer") {
		return token, nil
	}
	if !consistsOf(scheme, tchar) || !IsToken68(token) {
		return "", errMalformed
	}
	return "", nil
}

var (
	errSeveral   = authn.InvalidCredential("several Authorization headers")
	errOversized = authn.InvalidCredential("oversized Authorization header")
	errMalformed = authn.InvalidCredential("malformed Authorization header")
)

// The alphabets of RFC 9110, sections 5.6.2 and 11.2.
const (
	alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	tchar        = alphanumeric + "!#$%&'*+-.^_`|~"
	token68      = alphanumeric + "-._~+/"
)

// IsToken68 reports whether s has the form that RFC 9110 asks of a token.
func IsToken68(s string) bool { return consistsOf(strings.TrimRight(s, "="), token68) }

func consistsOf(s, alphabet string) bool { return s != "" && strings.Trim(s, alphabet) == "" }
