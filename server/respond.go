package server

import (
	"log/slog"
	"net/http"

	"connectrpc.com/connect/v2"

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
	if wrong == nil {
		wrong = exchange.askForRoom(0)
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
