package server

import (
	"net/http"
	"strconv"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action/event"
)

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
