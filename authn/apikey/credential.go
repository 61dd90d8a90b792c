package apikey

import (
	"strings"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/internal/credential"
)

// offered returns the one key that a request offers. It may be malformed.
func (s *settings) offered(header *connect.Header) (string, error) {
	if s.header != authorization {
		return alone(header.Values(s.header))
	}
	token, err := credential.Bearer(header)
	if err == nil && !strings.HasPrefix(token, s.prefix) {
		err = authn.ErrNoCredential
	}
	return token, err
}

// alone returns what is in a header that carries keys and nothing else.
func alone(values []string) (string, error) {
	switch len(values) {
	case 0:
		return "", authn.ErrNoCredential
	case 1:
		return values[0], nil
	default:
		return "", authn.InvalidCredential("several headers with an API key")
	}
}
