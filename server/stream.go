package server

import (
	"errors"
	"math"
	"net/http"
	"time"

	"github.com/sallyport-rpc/sallyport/action/actionserver"
	"github.com/sallyport-rpc/sallyport/internal/option"
)

// WithStreamIdleTimeout sets how long a stream may live with no message in either
// direction; then it ends as deadline_exceeded. By default it is ten minutes.
func WithStreamIdleTimeout(timeout time.Duration) Option {
	return option.Func[settings](func(s *settings) error {
		s.streamIdle = timeout
		return nil
	})
}

// WithMaxStreamMessages sets how many messages a client may send on one stream; one
// more ends it as resource_exhausted. By default it is a million.
func WithMaxStreamMessages(limit int64) Option {
	return option.Func[settings](func(s *settings) error {
		s.streamMessages = limit
		return nil
	})
}

// WithMaxStreamBytes sets how many bytes of messages, decompressed, a client may
// send on one stream; one more ends it as resource_exhausted. By default it is 1
// GiB.
func WithMaxStreamBytes(limit int64) Option {
	return option.Func[settings](func(s *settings) error {
		s.streamBytes = limit
		return nil
	})
}

// streamLimits is what a client may make the server spend on one stream, besides
// what holds for each of its messages.
type streamLimits struct {
	streamIdle                  time.Duration
	streamMessages, streamBytes int64
	principalStreams            int
	unreadBytes                 int64
}

var defaultStreamLimits = streamLimits{
	streamIdle:     10 * time.Minute,
	streamMessages: 1_000_000,
	streamBytes:    1 << 30,

	principalStreams: 250,
	unreadBytes:      64 << 20,
}

func (l *streamLimits) check() error {
	return errors.Join(
		above("stream idle timeout", l.streamIdle),
		between("number of messages on a stream", l.streamMessages, math.MaxInt64),
		between("number of bytes on a stream", l.streamBytes, math.MaxInt64),
		between("number of streams of a principal", l.principalStreams, math.MaxInt32),
		between("number of unread bytes of a principal", l.unreadBytes, math.MaxInt64),
	)
}

// isRead reports whether a request has been read to its end. On HTTP/1 nothing waits then
// for more of it but net/http, which waits for the client to go away: a deadline would
// look like that, and end every later request of the connection as well.
func (x *exchange) isRead() bool { return !x.hasBody || x.content.ended.Load() }

// control returns what the gate needs to end a stream: the limits, and a way to
// interrupt a transport that waits for a client.
func (s *settings) control(exchange *exchange) *actionserver.StreamControl {
	controller := http.NewResponseController(exchange.ResponseWriter)
	past := time.Unix(1, 0)
	return &actionserver.StreamControl{
		InterruptReceive: func() {
			if !exchange.http1 || !exchange.isRead() {
				_ = controller.SetReadDeadline(past)
			}
		},
		InterruptSend: func() { _ = controller.SetWriteDeadline(past) },
		OnShutdown:    s.onShutdown,
		OpenTimeout:   s.read,
		IdleTimeout:   s.streamIdle,
		MaxMessages:   s.streamMessages,
		MaxBytes:      s.streamBytes,
	}
}
