package grpcserver

import (
	"context"
	"crypto/tls"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"

	"github.com/sallyport-rpc/sallyport/server/internal/port"
)

// A rawStream is grpc's stream below [grpc.ServerStream], which reads whole messages of which
// nothing is known before, and answers the caller itself where one cannot be read. Its
// type is internal to grpc, but what it can do is not.
type rawStream interface {
	ReadMessageHeader(header []byte) error
	Read(bytes int) (mem.BufferSlice, error)
	RecvCompress() string
	ContentSubtype() string
}

// A call is one call of the port, and its context. Who cancels it interrupts those who
// read or wait to send.
type call struct {
	context.Context //nolint:containedctx // it is a context

	cancel     context.CancelFunc
	connection *connection
	procedure  string
	metadata   metadata.MD
	wire       rawStream
	stream     grpc.ServerStream

	expires  atomic.Int64 // when reading must be done, in nanoseconds of Unix time; 0 is never
	expired  atomic.Bool
	returned atomic.Int64 // when the handler returned, in nanoseconds of Unix time; 0 before

	mu     sync.Mutex
	unsent []*outgoing // messages that the connection has not taken
}

type callKey struct{}

// Value implements [context.Context].
func (c *call) Value(key any) any {
	if key == (callKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// Procedure implements [port.Call].
func (c *call) Procedure() string { return c.procedure }

// Metadata implements [port.Call].
func (c *call) Metadata() map[string][]string { return c.metadata }

// Remote implements [port.Call].
func (c *call) Remote() (address string, ip netip.Addr) {
	return c.connection.address, c.connection.remote
}

// TLS implements [port.Call].
func (c *call) TLS() *tls.ConnectionState { return c.connection.state }

// Encoding implements [port.Call].
func (c *call) Encoding() string { return c.wire.RecvCompress() }

// Subtype implements [port.Call].
func (c *call) Subtype() string { return c.wire.ContentSubtype() }

// Prefix implements [port.Call].
func (c *call) Prefix(prefix *[5]byte) error { return c.wire.ReadMessageHeader(prefix[:]) }

// Read implements [port.Call].
func (c *call) Read(bytes int) (port.Piece, error) {
	data, err := c.wire.Read(bytes)
	if err != nil {
		data.Free()
		return nil, err
	}
	if len(data) == 1 {
		return data[0], nil
	}
	defer data.Free()
	return data.MaterializeToBuffer(mem.DefaultBufferPool()), nil
}

// ExpireRead implements [port.Call].
func (c *call) ExpireRead(at time.Time) {
	if at.IsZero() {
		c.expires.Store(0)
		return
	}
	c.expires.Store(at.UnixNano())
}

// Expired implements [port.Call].
func (c *call) Expired() bool { return c.expired.Load() }

// Interrupt implements [port.Call].
func (c *call) Interrupt() { c.cancel() }

// CloseAfterAnswer implements [authn.Connection].
func (c *call) CloseAfterAnswer() { c.connection.closing.Store(true) }

// Compression implements [port.Call].
func (c *call) Compression(name string) error {
	return grpc.SetSendCompressor(c.stream.Context(), name)
}

// SendHeader implements [port.Call].
func (c *call) SendHeader(header map[string][]string) error { return c.stream.SendHeader(header) }

// SetHeader implements [port.Call].
func (c *call) SetHeader(header map[string][]string) error { return c.stream.SetHeader(header) }

// SetTrailer implements [port.Call].
func (c *call) SetTrailer(trailer map[string][]string) { c.stream.SetTrailer(trailer) }

// Send implements [port.Call].
func (c *call) Send(message *[]byte, taken func(reusable bool)) error {
	sent := &outgoing{call: c, message: message, taken: taken}
	c.mu.Lock()
	c.unsent = append(c.unsent, sent)
	c.mu.Unlock()
	return c.stream.SendMsg(sent)
}

// An outgoing message is one on its way to the connection. It is the pool that grpc gives
// the message's bytes back to, which is how the server learns that they are not needed
// any more.
type outgoing struct {
	call    *call
	message *[]byte
	taken   func(reusable bool)
}

// Get implements [mem.BufferPool]. Nothing asks for a buffer.
func (*outgoing) Get(length int) *[]byte {
	buffer := make([]byte, length)
	return &buffer
}

// Put implements [mem.BufferPool].
func (o *outgoing) Put(*[]byte) {
	if o.call.took(o) {
		o.taken(true)
	}
}

// took notes that the connection has a message. It reports whether it is the first to do
// so, since the connection may have been closed before.
func (c *call) took(message *outgoing) bool {
	c.mu.Lock()
	i := slices.Index(c.unsent, message)
	if i >= 0 {
		c.unsent = slices.Delete(c.unsent, i, i+1)
	}
	done := i >= 0 && len(c.unsent) == 0
	c.mu.Unlock()
	if done && c.returned.Load() != 0 {
		c.connection.remove(c)
	}
	return i >= 0
}

// drop gives up the messages that the connection has not taken. It may still read them,
// on its way to learn that it is closed.
func (c *call) drop() {
	c.mu.Lock()
	dropped := c.unsent
	c.unsent = nil
	c.mu.Unlock()
	for _, message := range dropped {
		message.taken(false)
	}
	if c.returned.Load() != 0 {
		c.connection.remove(c)
	}
}

// isSent reports whether the connection has all messages.
func (c *call) isSent() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.unsent) == 0
}
