package server

import (
	"log/slog"
	"net/http"
	"strconv"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/internal/recovered"
)

var (
	errUnknown  = connect.NewError(connect.CodeUnimplemented, "no such procedure")
	errInternal = connect.NewError(connect.CodeInternal, "internal error")
)

// respond answers one request.
func (s *Server) respond(writer http.ResponseWriter, request *http.Request) {
	procedure := s.procedures.find(request)
	if request.ProtoMajor == 2 && !procedure.streams() {
		growStack(false)
	}
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
	wrong := malformedHead(request)
	if wrong == nil && !procedure.streams() {
		wrong = exchange.turn.ask()
	}
	if wrong == nil && exchange.charge.begin() != nil {
		wrong = errBusy
	}
	if wrong != nil {
		_ = s.errors.Write(exchange, request, wrong)
		s.refused(exchange, request)
		return
	}
	procedure.serving.Add(1)
	defer procedure.serving.Add(-1)
	procedure.handler.ServeHTTP(exchange, request)
	if exchange.isShed() {
		s.registry.RecordShed(request.Context(), procedure.name)
	}
	if !exchange.reached {
		s.refused(exchange, request)
	}
}

// unknown answers a request for something that the server does not have.
func (s *Server) unknown(exchange *exchange, request *http.Request) {
	if request.Method == http.MethodPost && len(request.Header.Get("Content-Type")) <= mostQuoted && s.errors.IsSupported(request) {
		_ = s.errors.Write(notFound{exchange}, request, errUnknown)
	} else {
		http.NotFound(exchange, request)
	}
	s.refused(exchange, request)
}

// misdirected answers a request for a host that is not the server's.
func (s *Server) misdirected(exchange *exchange, request *http.Request) {
	http.Error(exchange, "this server does not answer for the host that was asked for", http.StatusMisdirectedRequest)
	s.refused(exchange, request)
}

// short returns as much of a text as a line of the log has room for.
func short(text string) string {
	const longest = 256
	if len(text) <= longest {
		return text
	}
	return text[:longest] + "…"
}

// notFound is the answer to a request for something that is not there. Its status is
// 404, as Connect's conformance suite requires. Connect would send 501, which says that
// the method exists and does nothing.
type notFound struct{ http.ResponseWriter }

// WriteHeader begins the response.
func (n notFound) WriteHeader(status int) {
	if status == http.StatusNotImplemented {
		status = http.StatusNotFound
	}
	n.ResponseWriter.WriteHeader(status)
}

// refused leaves an event of a request that came to no gate, since no gate leaves one; and
// of one on which something else panicked, whatever its gate left. An interceptor may have
// answered it with success.
func (s *Server) refused(exchange *exchange, request *http.Request) {
	reason := "refused before the gate"
	switch {
	case exchange.panicked:
		reason = "ended by a panic outside its gate"
	case exchange.intercepted:
		reason = "ended by an interceptor before the gate"
	case exchange.status == http.StatusMisdirectedRequest:
		reason = "refused for its host, " + short(request.Host)
	}
	refused := event.Event{RequestID: request.Header.Get("X-Request-ID"), Peer: &exchange.peer}
	refused.Procedure, refused.Code = short(request.URL.EscapedPath()), exchange.code()
	if exchange.panicked {
		refused.Code = connect.CodeInternal
	}
	refused.Reason = reason + ", with HTTP status " + strconv.Itoa(exchange.status)
	s.registry.RecordRefused(request.Context(), refused)
}

// code is the code that a response has: the one that it says, as in gRPC, where a
// refusal is an HTTP success, or else the nearest to its HTTP status.
func (e *exchange) code() connect.Code {
	for _, name := range []string{"Grpc-Status", http.TrailerPrefix + "Grpc-Status"} {
		if code, err := strconv.ParseUint(e.Header().Get(name), 10, 32); err == nil {
			return connect.Code(code)
		}
	}
	switch e.status {
	case http.StatusOK, http.StatusNoContent:
		return 0
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusUnsupportedMediaType, http.StatusNotImplemented:
		return connect.CodeUnimplemented
	case http.StatusUnauthorized:
		return connect.CodeUnauthenticated
	case http.StatusForbidden, http.StatusMisdirectedRequest:
		return connect.CodePermissionDenied
	case http.StatusRequestEntityTooLarge, http.StatusTooManyRequests, http.StatusRequestHeaderFieldsTooLarge:
		return connect.CodeResourceExhausted
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return connect.CodeDeadlineExceeded
	case http.StatusServiceUnavailable:
		return connect.CodeUnavailable
	case http.StatusInternalServerError:
		return connect.CodeInternal
	default:
		return connect.CodeInvalidArgument
	}
}

// recoverPanic answers a request on which code outside the gates panicked; gates recover
// their own panics and those of handlers. It is deferred.
func (s *Server) recoverPanic(exchange *exchange, request *http.Request) {
	thrown := recover()
	if thrown == nil {
		return
	}
	if thrown == http.ErrAbortHandler { //nolint:errorlint,err113 // net/http compares it likewise
		panic(thrown)
	}
	s.settings.log().LogAttrs(request.Context(), slog.LevelError, "panic outside a gate",
		slog.String("panic", recovered.New("the server", thrown).Error()))
	exchange.panicked = true
	defer s.refused(exchange, request)
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
