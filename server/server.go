package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync/atomic"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"github.com/sallyport-rpc/sallyport/action"
)

// A Server serves the actions of one registry over HTTP. Make one with [New]. It is
// safe for concurrent use.
type Server struct {
	settings   *settings
	procedures mux
	errors     *connecthttp.ErrorWriter
	started    atomic.Bool
}

// New returns a server of everything that a registry holds, and seals the registry.
// The error joins all that is wrong: the options that cannot hold, and the
// registry's refusals as an [*action.RefusalError].
func New(registry *action.Registry, options ...Option) (*Server, error) {
	settings, err := newSettings(options)
	if registry == nil {
		return nil, errors.Join(err, errors.New("server: the registry is nil"))
	}
	methods, refusals := registry.Methods()
	if err := errors.Join(err, refusals); err != nil {
		return nil, err
	}
	interceptors := []connect.ServerInterceptor{reach}
	if settings.frontDoor {
		door, err := registry.FrontDoor()
		if err != nil {
			return nil, err
		}
		interceptors = append(interceptors, answerAtDoor(door))
	}
	dispatch := connect.NewServer(interceptors...)
	dispatch.Register(methods...)
	transport := settings.transport()
	server := &Server{
		settings:   settings,
		procedures: newMux(methods),
		errors:     connecthttp.NewErrorWriter(transport...),
	}
	connecthttp.Mount(server.procedures, dispatch, transport...)
	return server, nil
}

// Handler returns what serves the actions, for tests and for programs that have an
// [http.Server] of their own. It holds the limits on messages and on the time that
// one takes to come and go. All else is then up to that other server: header size
// and header timeout, idle connections, HTTP/2's settings, TLS, and the shutdown.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serve) }

var (
	errUnknown  = connect.NewError(connect.CodeUnimplemented, "no such procedure")
	errInternal = connect.NewError(connect.CodeInternal, "internal error")
)

// serve answers one request.
func (s *Server) serve(writer http.ResponseWriter, request *http.Request) {
	procedure := s.procedures.find(request)
	exchange, request := s.settings.begin(writer, request, procedure)
	defer s.recoverPanic(exchange, request)
	if procedure == nil {
		s.unknown(exchange, request)
		return
	}
	procedure.serving.Add(1)
	defer procedure.serving.Add(-1)
	procedure.handler.ServeHTTP(exchange, request)
	if !exchange.reached {
		s.refused(request.Context(), exchange, slog.String("procedure", procedure.name))
	}
}

// unknown answers a request for something that the registry does not hold.
func (s *Server) unknown(exchange *exchange, request *http.Request) {
	if request.Method == http.MethodPost && s.errors.IsSupported(request) {
		_ = s.errors.Write(notFound{exchange}, request, errUnknown)
	} else {
		http.NotFound(exchange, request)
	}
	const longest = 256
	path := request.URL.EscapedPath() // and so without line breaks
	s.refused(request.Context(), exchange, slog.String("path", path[:min(len(path), longest)]))
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
	attributes := []slog.Attr{what, slog.String("stage", action.StageDecode.String()),
		slog.String("outcome", action.Deny.String()), slog.Int("status", exchange.status)}
	// In gRPC a refusal is an HTTP success with a code.
	for _, name := range []string{"Grpc-Status", http.TrailerPrefix + "Grpc-Status"} {
		if code, err := strconv.ParseUint(exchange.Header().Get(name), 10, 32); err == nil {
			attributes = append(attributes, slog.String("code", connect.Code(code).String()))
		}
	}
	s.settings.log().LogAttrs(ctx, slog.LevelInfo, "refused before the gate", attributes...)
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
	_ = s.errors.Write(exchange, request, errInternal)
}
