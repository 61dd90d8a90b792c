package session

import (
	"strings"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/internal/credential"
)

// credential returns the one session token that a request offers.
func (m *Manager) credential(header *connect.Header) (string, error) {
	bearer, err := credential.Bearer(header)
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
		return "", authn.ErrNoCredential
	case cookie == "":
		token = bearer
	case bearer != "" && bearer != cookie:
		// Also where the bearer token is another scheme's: RFC 6750, section 2, allows
		// one way of sending a token in a request.
		return "", authn.InvalidCredential("cookie and bearer token differ")
	}
	if !isToken(token) {
		return "", authn.InvalidCredential("session token is malformed")
	}
	return token, nil
}

// offered returns every session token that a request offers, for ending sessions:
// unlike [Manager.credential] it need not choose between two.
func (m *Manager) offered(header *connect.Header) []string {
	var tokens []string
	if bearer, err := credential.Bearer(header); err == nil && isToken(bearer) {
		tokens = append(tokens, bearer)
	}
	if cookie, err := m.cookieToken(header); err == nil && isToken(cookie) {
		tokens = append(tokens, cookie)
	}
	return tokens
}

// base64url is the alphabet of RFC 4648, section 5, which tokens are written in.
const base64url = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"
