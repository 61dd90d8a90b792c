package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"github.com/sallyport-rpc/sallyport/internal/option"
)

// An Option changes what [New] makes.
type Option interface{ option.Option[settings] }

type settings struct {
	httpClient   *http.Client
	transport    []connecthttp.Option
	interceptors []connect.ClientInterceptor
	tokens       TokenSource
	plaintext    bool
}

// WithHTTPClient sets the HTTP client that calls are made with, for certificates, a
// proxy or other timeouts. By default it is one of the connection's own, which speaks
// HTTP/2 and HTTP/1.1 to https URLs and HTTP/2 with prior knowledge to http URLs, and
// looks every 30 seconds whether a silent HTTP/2 connection still answers. A client
// with a Timeout ends streams that last longer. A nil client is refused.
func WithHTTPClient(httpClient *http.Client) Option {
	return option.Func[settings](func(s *settings) error {
		if httpClient == nil {
			return errors.New("client.WithHTTPClient: the HTTP client is nil")
		}
		s.httpClient = httpClient
		return nil
	})
}

// WithTransportOptions adds options of connect's transport, such as
// [connecthttp.WithGRPC] or [connecthttp.WithProtoJSON]. By default calls use the
// Connect protocol with binary messages. A nil option is refused.
func WithTransportOptions(transport ...connecthttp.Option) Option {
	return option.Func[settings](func(s *settings) error {
		for _, one := range transport {
			if one == nil {
				return errors.New("client.WithTransportOptions: an option is nil")
			}
		}
		s.transport = append(s.transport, transport...)
		return nil
	})
}

// WithInterceptors adds interceptors; the first is the outermost. By default there are
// none. They do not see the token of [WithToken] or [WithTokenSource]. A nil
// interceptor is refused.
func WithInterceptors(interceptors ...connect.ClientInterceptor) Option {
	return option.Func[settings](func(s *settings) error {
		for _, one := range interceptors {
			if one == nil {
				return errors.New("client.WithInterceptors: an interceptor is nil")
			}
		}
		s.interceptors = append(s.interceptors, interceptors...)
		return nil
	})
}

// New returns a connection to the server at baseURL, such as
// "https://accounts.example.com", for any number of generated clients. It connects at
// the first call, and is safe for concurrent use. The error lists all that is wrong
// with the URL and the options.
func New(baseURL string, options ...Option) (*connect.Client, error) {
	base, err := parseBase(baseURL)
	var made settings
	faults := []error{err, option.Apply("client.New", &made, options)}
	if err == nil && made.tokens != nil && !made.plaintext {
		faults = append(faults, checkPlaintext(base))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	if made.httpClient == nil {
		made.httpClient = newHTTPClient(base)
	}
	var sender connecthttp.HTTPClient = made.httpClient
	if made.tokens != nil {
		sender = newTokenSender(made.httpClient, made.tokens)
	}
	transport := connecthttp.NewTransport(sender, strings.TrimSuffix(base.String(), "/"), made.transport...)
	return connect.NewClient(transport, made.interceptors...), nil
}

// parseBase parses the URL that procedures are appended to.
func parseBase(text string) (*url.URL, error) {
	base, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("client.New: the base URL cannot be parsed: %w", err)
	case base.Scheme != "https" && base.Scheme != "http", base.Host == "":
		return nil, fmt.Errorf("client.New: the base URL %q has no scheme and host: write https://HOST", base.Redacted())
	case base.User != nil:
		return nil, fmt.Errorf("client.New: the base URL %q names a user: send a credential by client.WithToken", base.Redacted())
	case base.RawQuery != "" || base.Fragment != "":
		return nil, fmt.Errorf("client.New: the base URL %q has a query or a fragment: leave it out", base.Redacted())
	}
	return base, nil
}

// newHTTPClient returns the HTTP client of a connection that was given none.
func newHTTPClient(base *url.URL) *http.Client {
	protocols := new(http.Protocols)
	if base.Scheme == "http" {
		// Bidi streams and gRPC need HTTP/2, and without TLS nothing negotiates it.
		protocols.SetUnencryptedHTTP2(true)
	} else {
		protocols.SetHTTP1(true)
		protocols.SetHTTP2(true)
	}
	return &http.Client{Transport: &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		Protocols:           protocols,
		TLSHandshakeTimeout: 10 * time.Second,
		IdleConnTimeout:     90 * time.Second,
		HTTP2:               &http.HTTP2Config{SendPingTimeout: 30 * time.Second},
	}}
}
