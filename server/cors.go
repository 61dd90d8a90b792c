package server

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	connectcors "connectrpc.com/cors"
	"github.com/rs/cors"

	"github.com/sallyport-rpc/sallyport/internal/option"
	"github.com/sallyport-rpc/sallyport/internal/origin"
)

// CORS says which web pages of other origins may call the actions from a browser.
type CORS struct {
	// Origins are the origins of the pages, written as browsers send them:
	// "https://app.example", "http://localhost:5173". They are compared as a whole.
	// Required. The one origin "*" stands for every page there is; it cannot be
	// combined with Credentials.
	Origins []string
	// Credentials lets the pages send cookies along. A bearer token that a page puts
	// into the Authorization header does not need it. Package session also asks for
	// the origins, by its own option.
	Credentials bool
	// RequestHeaders are headers that the pages may send beside Authorization and those
	// of Connect and gRPC-Web.
	RequestHeaders []string
	// ResponseHeaders are headers that the pages may read beside WWW-Authenticate,
	// Retry-After and those of gRPC-Web.
	ResponseHeaders []string
	// MaxAge is how long browsers may remember the answer to a preflight request, in
	// whole seconds. 0 is two hours, which is also the most that Chromium takes.
	MaxAge time.Duration
}

// WithCORS lets web pages of other origins call the actions. The server then answers
// the preflight requests of browsers and lets the pages read the answers. By default
// only pages of the server's own origin can call.
//
// It grants nothing at a gate. It also keeps no request out: a page that is not named
// cannot read answers and cannot send an Authorization header, but what is no page
// need not ask. It does not apply to [WithUnguardedHandler].
func WithCORS(config CORS) Option {
	return option.Func[settings](func(s *settings) error {
		if s.cors != nil {
			return errors.New("server: WithCORS is given twice")
		}
		if err := config.check(); err != nil {
			return err
		}
		s.cors = config.handler()
		return nil
	})
}

// check says everything that is wrong with a configuration.
func (c CORS) check() error {
	var errs []error
	refuse := func(format string, arguments ...any) {
		errs = append(errs, fmt.Errorf("server: CORS: "+format, arguments...))
	}
	if len(c.Origins) == 0 {
		refuse("no origin is named")
	}
	for _, text := range c.Origins {
		switch err := origin.Check(text); {
		case text != "*" && err != nil:
			refuse("%w", err)
		case text == "*" && c.Credentials:
			refuse(`with credentials, the origin "*" would let every page act as its visitor: name the origins`)
		case text == "*" && len(c.Origins) > 1:
			refuse(`the origin "*" stands for all, so it stands alone`)
		}
	}
	for _, name := range slices.Concat(c.RequestHeaders, c.ResponseHeaders) {
		if name == "*" || !token(name) {
			refuse("%q is no name of a header", name)
		}
	}
	if c.MaxAge < 0 {
		refuse("a maximum age of %v is below zero", c.MaxAge)
	}
	return errors.Join(errs...)
}

// handler returns what answers preflight requests and adds headers to responses.
func (c CORS) handler() *cors.Cors {
	age := c.MaxAge
	if age == 0 {
		age = 2 * time.Hour
	}
	options := cors.Options{
		AllowedMethods:   connectcors.AllowedMethods(),
		AllowedHeaders:   slices.Concat(connectcors.AllowedHeaders(), []string{"Authorization"}, c.RequestHeaders),
		ExposedHeaders:   slices.Concat(connectcors.ExposedHeaders(), []string{"Www-Authenticate", "Retry-After"}, c.ResponseHeaders),
		AllowCredentials: c.Credentials,
		MaxAge:           int(age / time.Second),
	}
	if slices.Equal(c.Origins, []string{"*"}) {
		options.AllowedOrigins = []string{"*"}
		return cors.New(options)
	}
	origins := slices.Clone(c.Origins)
	// The library's own comparison ignores case, and looks at the first of several headers.
	options.AllowOriginVaryRequestFunc = func(request *http.Request, origin string) (bool, []string) {
		return len(request.Header["Origin"]) == 1 && slices.Contains(origins, origin), nil
	}
	return cors.New(options)
}

// token reports whether a text is a token of RFC 9110, section 5.6.2.
func token(text string) bool {
	for _, char := range []byte(text) {
		letterOrDigit := '0' <= char && char <= '9' || 'a' <= char && char <= 'z' || 'A' <= char && char <= 'Z'
		if !letterOrDigit && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(char)) {
			return false
		}
	}
	return text != ""
}

// preflight reports whether a request asks what a page may send, before the page does.
func preflight(request *http.Request) bool {
	return request.Method == http.MethodOptions && request.Header.Get("Access-Control-Request-Method") != ""
}
