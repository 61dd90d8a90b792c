package server

import (
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/internal/option"
)

// WithUnguardedHandler serves a handler beside the actions, such as a health check or
// a page. No gate stands before it: it is open to every caller, and the reason says
// why that is right. [Server.Unguarded] lists it, and the server logs it when it
// starts.
//
// A pattern is one of [http.ServeMux], such as "GET /healthz", "/assets/" or "/{$}",
// without a host. A pattern is refused if any path that it matches could be that of an
// action, "/package.Service/Method": "/" is, and "/{any}/status". So is one without a
// reason or with a nil handler, and one that matches the same requests as another.
//
// A path is matched as it is. It is never cleaned, decoded or redirected: "/assets"
// does not lead to "/assets/".
//
// The handler lives within the server's limits. It reads at most
// [WithMaxMessageBytes] of a request within [WithReadTimeout], answers within
// [WithWriteTimeout] of the first byte, and a shutdown waits for it. It may change the
// two times for a request by an [http.ResponseController]; it cannot hijack the
// connection. [WithInterceptors] and [WithCORS] are for actions and do not apply.
func WithUnguardedHandler(pattern, reason string, handler http.Handler) Option {
	return option.Func[settings](func(s *settings) error {
		s.pages = append(s.pages, &page{UnguardedHandler: UnguardedHandler{pattern, reason}, handler: handler})
		return nil // New checks them, beside the actions
	})
}

// An UnguardedHandler describes what is served beside the actions, with no gate.
type UnguardedHandler struct {
	// Pattern says which requests it takes, as in [http.ServeMux].
	Pattern string
	// Reason says why no gate is needed.
	Reason string
}

// Unguarded lists what is served with no gate, in the order of the options.
func (s *Server) Unguarded() []UnguardedHandler {
	handlers := make([]UnguardedHandler, len(s.pages.list))
	for i, page := range s.pages.list {
		handlers[i] = page.UnguardedHandler
	}
	return handlers
}

// A page is an unguarded handler as it is served.
type page struct {
	UnguardedHandler

	handler http.Handler
	serving atomic.Int64 // the requests that are being served
}

// ServeHTTP serves a request.
func (p *page) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	p.serving.Add(1)
	defer p.serving.Add(-1)
	p.handler.ServeHTTP(pageWriter{writer}, request)
}

// pages finds the page for a request.
type pages struct {
	list []*page
	mux  *http.ServeMux // nil where there are none
}

// newPages returns the pages of a server, or an error for each one that is refused.
func newPages(list []*page, actions []action.Action) (pages, []error) {
	if len(list) == 0 {
		return pages{}, nil
	}
	services := map[string]bool{}
	for _, action := range actions {
		services[strings.Split(action.Procedure, "/")[1]] = true
	}
	mux, errs := http.NewServeMux(), []error(nil)
	for _, page := range list {
		if err := page.check(services); err != nil {
			errs = append(errs, fmt.Errorf("server: unguarded handler %q: %w", page.Pattern, err))
		} else if err := page.mount(mux); err != nil {
			errs = append(errs, err)
		}
	}
	return pages{list, mux}, errs
}

// mount puts a page into a mux, which panics at a pattern that it cannot take.
func (p *page) mount(mux *http.ServeMux) (err error) {
	defer func() {
		if recovered := recover(); recovered != nil {
			err = fmt.Errorf("server: unguarded handler: %v", recovered)
		}
	}()
	mux.Handle(p.Pattern, p)
	return nil
}

// find returns the handler of a request that is for a page, or nil. A request for a
// page by a method that it does not take is answered with status 405.
func (p pages) find(request *http.Request) http.Handler {
	if p.mux == nil || request.URL.RawPath != "" || !clean(request.URL.Path) || request.Method == http.MethodConnect {
		return nil
	}
	handler, pattern := p.mux.Handler(request)
	if _, ok := handler.(*page); ok {
		return p.mux // which also sets the request's path values
	}
	if pattern != "" {
		return nil // a redirect
	}
	probe := &probe{header: http.Header{}}
	if handler.ServeHTTP(probe, request); probe.status == http.StatusMethodNotAllowed {
		return handler
	}
	return nil
}

// serving names the pages that have requests being served.
func (p pages) serving() []string {
	var patterns []string
	for _, page := range p.list {
		if page.serving.Load() > 0 {
			patterns = append(patterns, page.Pattern)
		}
	}
	return patterns
}

// clean reports whether a path is written the one way that needs no cleaning.
func clean(requested string) bool {
	cleaned := path.Clean(requested)
	if cleaned != "/" && strings.HasSuffix(requested, "/") {
		cleaned += "/"
	}
	return strings.HasPrefix(requested, "/") && requested == cleaned
}

// A probe asks a handler for its status.
type probe struct {
	header http.Header
	status int
}

func (p *probe) Header() http.Header               { return p.header }
func (p *probe) WriteHeader(status int)            { p.status = status }
func (p *probe) Write(content []byte) (int, error) { return len(content), nil }

// A pageWriter is the response writer of a page. It leaves out Hijack, since a
// connection that a handler takes over is out of the server's limits and its shutdown.
type pageWriter struct{ writer http.ResponseWriter }

var (
	_ http.Flusher    = pageWriter{}
	_ io.StringWriter = pageWriter{}
)

func (w pageWriter) Header() http.Header               { return w.writer.Header() }
func (w pageWriter) WriteHeader(status int)            { w.writer.WriteHeader(status) }
func (w pageWriter) Write(content []byte) (int, error) { return w.writer.Write(content) }
func (w pageWriter) WriteString(content string) (int, error) {
	return io.WriteString(w.writer, content)
}
func (w pageWriter) Flush()            { _ = w.FlushError() }
func (w pageWriter) FlushError() error { return http.NewResponseController(w.writer).Flush() }

// SetReadDeadline is for [http.ResponseController].
func (w pageWriter) SetReadDeadline(deadline time.Time) error {
	return http.NewResponseController(w.writer).SetReadDeadline(deadline)
}

// SetWriteDeadline is for [http.ResponseController].
func (w pageWriter) SetWriteDeadline(deadline time.Time) error {
	return http.NewResponseController(w.writer).SetWriteDeadline(deadline)
}
