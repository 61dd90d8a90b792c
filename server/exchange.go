package server

import (
	"context"
	"net/http"
	"time"

	"connectrpc.com/connect/v2"
)

// An exchange is one request and its response. It is the response writer that
// connect sees, and knows afterwards how far the request came.
type exchange struct {
	http.ResponseWriter

	get     bool
	timeout time.Duration // for the response once it begins; 0 is none
	status  int           // 0 until the response begins
	reached bool          // the request came to a gate
}

// WriteHeader begins the response.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 && status >= http.StatusOK {
		x.begin(status)
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write begins the response, if that has not been done, and writes some of it.
func (x *exchange) Write(data []byte) (int, error) {
	if x.status == 0 {
		x.begin(http.StatusOK)
	}
	return x.ResponseWriter.Write(data)
}

// Flush implements [http.Flusher], without which connect serves no streams.
func (x *exchange) Flush() {
	if x.status == 0 {
		x.begin(http.StatusOK)
	}
	if flusher, ok := x.ResponseWriter.(http.Flusher); ok {
		flusher.Flush()
	}
}

// Unwrap is for [http.ResponseController].
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

func (x *exchange) begin(status int) {
	x.status = status
	if x.timeout > 0 {
		// Where deadlines are not supported there is no network to be slow.
		_ = http.NewResponseController(x.ResponseWriter).SetWriteDeadline(time.Now().Add(x.timeout))
	}
	// What a gate let through for one caller is not for a cache to give to another,
	// unless the handler says so.
	if header := x.Header(); x.get && header.Get("Cache-Control") == "" {
		header.Set("Cache-Control", "no-store")
	}
}

type exchangeKey struct{}

// reach notes that a call came to its gate, which will leave a record of it.
func reach(next connect.ServerFunc) connect.ServerFunc {
	return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
		if exchange, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
			exchange.reached = true
		}
		return next(ctx, spec, stream)
	}
}
