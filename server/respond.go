package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
)

var (
	errUnknown  = connect.NewError(connect.CodeUnimplemented, "no such procedure")
	errInternal = connect.NewError(connect.CodeInternal, "internal error")
)

// respond answers one request.
func (s *Server) respond(writer http.ResponseWriter, request *http.Request) {
	procedure := s.procedures.find(request)
	exchange, request := s.settings.begin(writer, request, procedure)
	defer exchange.end()
	defer s.recoverPanic(exchange, request)
	if !s.settings.answersFor(request) {
		s.misdirected(exchange, request)
		return
	}
	if procedure == nil {
		if page := s.pages.find(request); page != nil {
			exchange.page = true
			page.ServeHTTP(exchange, request)
			return
		}
	}
	s.allowOrigin(exchange, request)
	switch {
	case s.settings.cors != nil && preflight(request): // that was its answer
	case procedure != nil:
		s.call(exchange, request, procedure)
	default:
		s.unknown(exchange, request)
	}
}

// allowOrigin lets the page that made a request read the answer, if it may, or answers
// its preflight request.
func (s *Server) allowOrigin(exchange *exchange, request *http.Request) {
	if s.settings.cors != nil {
		s.settings.cors.HandlerFunc(exchange, request)
	}
}

// call answers a request for an action.
func (s *Server) call(exchange *exchange, request *http.Request, procedure *procedure) {
	if wrong := malformedHead(request); wrong != nil {
		_ = s.errors.Write(exchange, request, wrong)
		s.refused(request.Context(), exchange, slog.String("procedure", procedure.name))
		return
	}
	procedure.serving.Add(1)
	defer procedure.serving.Add(-1)
	procedure.handler.ServeHTTP(exchange, request)
	if !exchange.reached {
		s.refused(request.Context(), exchange, slog.String("procedure", procedure.name))
	}
}

// unknown answers a request for something that the server does not have.
func (s *Server) unknown(exchange *exchange, request *http.Request) {
	if request.Method == http.MethodPost && len(request.Header.Get("Content-Type")) <= mostQuoted && s.errors.IsSupported(request) {
		_ = s.errors.Write(notFound{exchange}, request, errUnknown)
	} else {
		http.NotFound(exchange, request)
	}
	s.refused(request.Context(), exchange, slog.String("path", short(request.URL.EscapedPath())))
}

// misdirected answers a request for a host that is not the server's.
func (s *Server) misdirected(exchange *exchange, request *http.Request) {
	http.Error(exchange, "this server does not answer for the host that was asked for", http.StatusMisdirectedRequest)
	s.refused(request.Context(), exchange, slog.String("host", short(request.Host)))
}

// short returns as much of a text as a line of the log has room for.
func short(text string) string {
	const longest = 256
	if len(text) <= longest {
		return text
	}
	return text[:longest] + "…"
}

// notFound is the answer to a request for something that is not there. Connect's
// conformance suite asks for HTTP's own status for that, and connect would send the
// one of the code, which says that the method is there and does nothing.
type notFound struct{ http.ResponseWriter }

// WriteHeader begins the response.
func (n notFound) WriteHeader(status int) {
	if status == http.StatusNotImplemented {
		status = http.StatusNotFound
	}
	n.ResponseWriter.WriteHeader(status)
}

// refused leaves a record of a request that came to no gate, since no gate leaves
// one.
func (s *Server) refused(ctx context.Context, exchange *exchange, what slog.Attr) {
	if !s.settings.log().Enabled(ctx, slog.LevelInfo) {
		return
	}
	passes, left := s.settings.thinner.Pass(exchange.peer.Network())
	if !passes {
		return
	}
	if left > 0 {
		what = slog.Group("", what, slog.Int("not_recorded", left))
	}
	message := "refused before the gate"
	if exchange.intercepted {
		message = "ended by an interceptor before the gate"
	}
	attributes := []slog.Attr{what, slog.String("stage", action.StageDecode.String()),
		slog.String("outcome", action.Deny.String()), slog.Int("status", exchange.status)}
	// In gRPC a refusal is an HTTP success with a code.
	for _, name := range []string{"Grpc-Status", http.TrailerPrefix + "Grpc-Status"} {
		if code, err := strconv.ParseUint(exchange.Header().Get(name), 10, 32); err == nil {
			attributes = append(attributes, slog.String("code", connect.Code(code).String()))
		}
	}
	s.settings.log().LogAttrs(ctx, slog.LevelInfo, message, attributes...)
}

// recoverPanic answers a request on which the code around the gates panicked; what
// panics within a gate or a handler does not come here. It is deferred.
func (s *Server) recoverPanic(exchange *exchange, request *http.Request) {
	recovered := recover()
	if recovered == nil {
		return
	}
	if recovered == http.ErrAbortHandler { //nolint:errorlint,err113 // net/http compares it likewise
		panic(recovered)
	}
	// Whatever was thrown may quote the request, except for the runtime's own.
	what := fmt.Sprintf("%T", recovered)
	if err, ok := recovered.(runtime.Error); ok {
		what = err.Error()
	}
	s.settings.log().LogAttrs(request.Context(), slog.LevelError, "panic outside a gate",
		slog.String("panic", what), slog.String("stack", string(debug.Stack())))
	if exchange.status != 0 {
		panic(http.ErrAbortHandler) // it is too late to answer: end the call
	}
	clear(exchange.Header())
	if exchange.page {
		http.Error(exchange, "internal error", http.StatusInternalServerError)
		return
	}
	if !preflight(request) {
		s.allowOrigin(exchange, request)
	}
	_ = s.errors.Write(exchange, request, errInternal)
}
