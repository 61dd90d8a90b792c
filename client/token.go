package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/internal/option"
)

// A TokenSource returns the token to send with a call. It is asked at every call, with
// the context of that call, so it should remember tokens until they expire. It must be
// safe for concurrent use.
//
// An error fails the call as unauthenticated, unless it is a [connect.Error] or the
// context's own.
type TokenSource func(ctx context.Context) (token string, err error)

// WithToken sends one token with each call, as "Authorization: Bearer TOKEN". By
// default none is sent. See [WithTokenSource] for what holds of tokens. A token that
// cannot stand in a header is refused.
func WithToken(token string) Option {
	return option.Func[settings](func(s *settings) error {
		if err := checkToken(token); err != nil {
			return fmt.Errorf("client.WithToken: %w", err)
		}
		s.tokens = func(context.Context) (string, error) { return token, nil }
		return nil
	})
}

// WithTokenSource sends a token with each call, as "Authorization: Bearer TOKEN". By
// default none is sent. A call that sets the header Authorization itself keeps its own.
// A nil source is refused.
//
// A token goes to the base URL's host and nowhere else: a connection with tokens follows
// no redirect. It is not sent in plain text: [New] refuses an http URL, unless its host
// is localhost or a loopback address. See [WithUnsafePlaintextToken].
func WithTokenSource(source TokenSource) Option {
	return option.Func[settings](func(s *settings) error {
		if source == nil {
			return errors.New("client.WithTokenSource: the source is nil")
		}
		s.tokens = source
		return nil
	})
}

// WithUnsafePlaintextToken allows tokens to be sent to an http URL of any host. By
// default they are not. Everyone on the path can read and use such a token: it is for
// networks that encrypt by themselves.
func WithUnsafePlaintextToken() Option {
	return option.Func[settings](func(s *settings) error {
		s.plaintext = true
		return nil
	})
}

// checkPlaintext refuses a URL to which a token would be sent in plain text.
func checkPlaintext(base *url.URL) error {
	if base.Scheme == "https" || isLoopback(base.Hostname()) {
		return nil
	}
	return fmt.Errorf("client.New: a token would be sent to %s in plain text: write https://%s, or allow it by client.WithUnsafePlaintextToken",
		base.Host, base.Host)
}

// isLoopback reports whether a host is this machine: by its address, or by the one name
// that RFC 6761 reserves for it.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

// checkToken refuses what RFC 6750, section 2.1, does not let stand in a header. The
// error does not quote the token.
func checkToken(token string) error {
	if token == "" {
		return errors.New("the token is empty")
	}
	for _, r := range token {
		if r <= ' ' || r >= 0x7f {
			return errors.New("the token holds a space, a control character or one outside ASCII")
		}
	}
	return nil
}

// A tokenSender adds the token to each request on its way to the HTTP client: after
// interceptors, which therefore cannot log it.
type tokenSender struct {
	client *http.Client
	tokens TokenSource
}

func newTokenSender(client *http.Client, tokens TokenSource) *tokenSender {
	direct := *client // the caller's own goes on following redirects
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &tokenSender{client: &direct, tokens: tokens}
}

// Do implements [connectrpc.com/connect/v2/connecthttp.HTTPClient].
func (s *tokenSender) Do(request *http.Request) (*http.Response, error) {
	if request.Header.Get("Authorization") == "" {
		token, err := s.token(request.Context())
		if err != nil {
			return nil, err
		}
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return s.client.Do(request) //nolint:gosec // the program names the server
}

func (s *tokenSender) token(ctx context.Context) (string, error) {
	token, err := s.tokens(ctx)
	if err == nil {
		err = checkToken(token)
	}
	if err == nil {
		return token, nil
	}
	if _, ok := errors.AsType[*connect.Error](err); ok || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return "", err
	}
	return "", connect.NewError(connect.CodeUnauthenticated, "no token to call with: "+err.Error()).WithCause(err)
}
