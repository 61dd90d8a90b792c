package server

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/sallyport-rpc/sallyport/action/actionserver"
)

// An exchange is one request and its response. It is the response writer that connect
// gets, and records how far the request came.
type exchange struct {
	http.ResponseWriter
	incoming

	context  callContext
	content  body          // of the request
	timeout  time.Duration // for the response once it begins; 0 is none
	unread   *unread       // the body, where a front door may leave it; else nil
	status   int           // 0 until the response begins
	get      bool
	private  bool        // the answer is for one caller
	http1    bool        // the request came by HTTP/1
	hasBody  bool        // there is content to read, or there was
	panicked bool        // code outside the gates panicked
	page     bool        // the request is for an unguarded handler
	sending  atomic.Bool // an answer is counted until the connection has it
	closing  atomic.Bool // the connection is to be closed after the answer
}

// drainTimeout is how long a response on HTTP/1 waits for the rest of its request.
// There net/http reads the rest before it answers, so that the connection can be used
// again. If the client does not send it in that time, the connection is closed.
const drainTimeout = 500 * time.Millisecond

// begin returns the exchange for a request for a procedure, or for none, and the
// request as it is to be served: within the limits.
func (s *settings) begin(writer http.ResponseWriter, request *http.Request, procedure *procedure) (*exchange, *http.Request) {
	exchange := &exchange{ResponseWriter: writer, get: request.Method == http.MethodGet}
	exchange.closing.Store(mayHideAnother(request))
	peer := s.peer(request)
	peer.Connection = exchange
	call := &exchange.incoming
	call.begin(s, peer, procedure)
	call.exchange = exchange
	exchange.context.begin(request.Context(), nil, call)
	var ctx context.Context = &exchange.context
	if procedure.streams() {
		ctx = actionserver.WithStreamControl(ctx, s.control(exchange))
	} else {
		exchange.timeout = s.write
	}
	exchange.private = procedure.private()
	request = request.WithContext(ctx)
	charge := &exchange.charge
	if procedure == nil {
		charge = nil // an unguarded handler does as it likes with its body
	}
	exchange.http1 = request.ProtoMajor == 1
	exchange.hasBody = s.boundBody(&exchange.content, writer, request, charge, procedure.receives())
	if s.frontDoor {
		exchange.keepUnread(request)
	}
	return exchange, request
}

// mayHideAnother reports whether a proxy in front may take a request on HTTP/1 for a
// shorter or longer one than net/http does, so that what follows it on the connection must
// not be taken for the next request (RFC 9112, section 6.1). That is so where it has a
// Content-Length beside its Transfer-Encoding. net/http follows the Transfer-Encoding and
// removes the Content-Length before a handler can see it, so the connection is closed
// after every request in chunks; and after one of HTTP/1.0, whose Transfer-Encoding
// net/http ignores and removes.
func mayHideAnother(request *http.Request) bool {
	return request.ProtoMajor == 1 && (request.ProtoMinor == 0 || len(request.TransferEncoding) > 0)
}

// WriteHeader begins the response.
func (x *exchange) WriteHeader(status int) {
	text := ""
	if x.status == 0 && status >= http.StatusOK {
		x.commit(status)
		text = x.explain(status)
	}
	x.ResponseWriter.WriteHeader(status)
	if text != "" {
		_, _ = io.WriteString(x.ResponseWriter, text)
	}
}

// explain says what connect's handlers refuse with a status and no more, and prepares
// the header for that.
func (x *exchange) explain(status int) string {
	header := x.Header()
	if x.page || header.Get("Content-Type") != "" {
		return ""
	}
	var text string
	switch status {
	case http.StatusMethodNotAllowed:
		text = "method not allowed: use " + header.Get("Allow")
	case http.StatusUnsupportedMediaType:
		text = "unsupported content type: use " + header.Get("Accept-Post")
		if x.get {
			text = "a GET request has no body: its message is in the query, such as ?connect=v1&encoding=json&message=%7B%7D"
		}
	case http.StatusHTTPVersionNotSupported:
		text = "streams in both directions need HTTP/2"
	default:
		return ""
	}
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	return text + "\n"
}

// Write begins the response, if that has not been done, and writes some of it.
func (x *exchange) Write(data []byte) (int, error) {
	if x.status == 0 {
		x.commit(http.StatusOK)
	}
	return x.ResponseWriter.Write(data)
}

// Flush implements [http.Flusher], without which connect serves no streams.
func (x *exchange) Flush() {
	if x.status == 0 {
		x.commit(http.StatusOK)
	}
	if flusher, ok := x.ResponseWriter.(http.Flusher); ok {
		flusher.Flush()
	}
	x.sent()
}

// Unwrap is for [http.ResponseController].
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// CloseAfterAnswer implements [authn.Connection].
func (x *exchange) CloseAfterAnswer() { x.closing.Store(true) }

// commit is called when the response begins.
func (x *exchange) commit(status int) {
	x.status = status
	if x.closing.Load() {
		// On HTTP/2 net/http makes a GOAWAY of it.
		x.Header().Set("Connection", "close")
	}
	x.turn.end()
	if x.isToComeAgain() {
		x.Header().Set("Retry-After", retryAfter)
	}
	// Where deadlines are not supported there is no network to be slow.
	controller := http.NewResponseController(x.ResponseWriter)
	if x.timeout > 0 {
		_ = controller.SetWriteDeadline(time.Now().Add(x.timeout))
	}
	if x.http1 && !x.isRead() {
		_ = controller.SetReadDeadline(time.Now().Add(drainTimeout))
	}
	switch header := x.Header(); {
	case !x.get || x.page:
	case x.private:
		keepPrivate(header)
	case header.Get("Cache-Control") == "":
		header.Set("Cache-Control", "no-store") // unless the handler says otherwise
	}
}

// end gives back what the call holds of the server. It may be called with a handler's
// goroutine still at it.
func (x *exchange) end() {
	x.incoming.end()
	x.turn.end()
}

// sent says that the connection has what was sent.
func (x *exchange) sent() {
	if x.sending.CompareAndSwap(true, false) {
		x.incoming.sent()
	}
}
