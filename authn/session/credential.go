package session

import (
	"strings"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
)

// longestAuthorization leaves room for the tokens of other schemes.
const longestAuthorization = 8 << 10

// credential returns the one session token that a request offers.
func (m *Manager) credential(header *connect.Header) (string, error) {
	bearer, err := bearerToken(header)
	if err != nil {
		return "", err
	}
	cookie, err := m.cookieToken(header)
	if err != nil {
		return "", err
	}
	token := cookie
	switch {
	case cookie == "" && !strings.HasPrefix(bearer, tokenPrefix):
		return "", action.ErrNoCredential
	case cookie == "":
		token = bearer
	case bearer != "" && bearer != cookie:
		// Also where the bearer token is another scheme's: RFC 6750, section 2, allows
		// one way of sending a token in a request.
		return "", action.InvalidCredential("cookie and bearer token differ")
	}
	if !isToken(token) {
		return "", action.InvalidCredential("session token is malformed")
	}
	return token, nil
}

// offered returns every session token that a request offers, for ending sessions:
// unlike [Manager.credential] it need not choose between two.
func (m *Manager) offered(header *connect.Header) []string {
	var tokens []string
	if bearer, err := bearerToken(header); err == nil && isToken(bearer) {
		tokens = append(tokens, bearer)
	}
	if cookie, err := m.cookieToken(header); err == nil && isToken(cookie) {
		tokens = append(tokens, cookie)
	}
	return tokens
}

// bearerToken returns what follows "Bearer" in the Authorization header, or "" if
// there is no such header or it is for another authentication scheme. Of the forms
// that RFC 9110, section 11.4, knows it reads one, scheme SP token68, because the
// others are where parsers disagree.
func bearerToken(header *connect.Header) (string, error) {
	values := header.Values("Authorization")
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 {
		return "", action.InvalidCredential("several Authorization headers")
	}
	if len(values[0]) > longestAuthorization {
		return "", action.InvalidCredential("oversized Authorization header")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !isScheme(scheme) || !isToken68(token) {
		return "", action.InvalidCredential("malformed Authorization header")
	}
	if !strings.EqualFold(scheme, "Bearer") {
		return "", nil
	}
	return token, nil
}

// The alphabets of RFC 9110, sections 5.6.2 and 11.2, and RFC 4648, section 5.
const (
	alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	tchar        = alphanumeric + "!#$%&'*+-.^_`|~"
	token68      = alphanumeric + "-._~+/"
	base64url    = alphanumeric + "-_"
)

func isScheme(s string) bool { return consistsOf(s, tchar) }

func isToken68(s string) bool { return consistsOf(strings.TrimRight(s, "="), token68) }

func consistsOf(s, alphabet string) bool { return s != "" && strings.Trim(s, alphabet) == "" }
