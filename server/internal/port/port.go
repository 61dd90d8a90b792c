// Package port is what package server and a further listener of a server, such as that of
// package grpcserver, know of each other. The listener speaks its protocol and reads raw
// messages; the server finds the action, limits, decodes, and asks the gate.
package port

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
)

// A Listener serves the actions of a server on a port of its own.
type Listener interface {
	// Address is the TCP address to listen on, as "HOST:PORT".
	Address() string
	// Listener is where to accept connections. Where it is nil the server listens on the
	// address.
	Listener() net.Listener
	// Start prepares to serve the calls of a host.
	Start(host Host) Server
}

// A Server is a Listener at work.
type Server interface {
	// Serve accepts connections until Drain or Close is called, and returns nil then.
	Serve(listener net.Listener) error
	// Drain accepts no more, and waits until all calls and connections are done or ctx
	// ends, with the error of ctx then.
	Drain(ctx context.Context) error
	// Cut cancels the contexts of all calls.
	Cut()
	// Close closes all connections.
	Close()
}

// A Host is the server whose actions a Listener serves.
type Host interface {
	// Limits are what the options of the server say. They do not change.
	Limits() Limits
	// Log is where the server logs.
	Log() *slog.Logger
	// Admit counts a connection. It reports false where there is no room for it, and has
	// closed it then.
	Admit(conn net.Conn) (Place, bool)
	// Serve serves one call, and returns once its handler has returned. A nil error is
	// success; any other is what the caller gets. It does not panic.
	Serve(ctx context.Context, call Call) *connect.Error
}

// A Place is what a connection has among those that a server may have open.
type Place interface {
	// Idle says that the connection has no call under way, or has one. One that is idle
	// for long is closed where there are too many.
	Idle(idle bool)
	// Leave says that the connection is closed.
	Leave()
}

// Limits are what the options of a server say of its connections.
type Limits struct {
	TLS                                                *tls.Config // nil is cleartext
	MessageBytes, HeaderBytes, ConcurrentStreams       int
	HeaderTimeout, WriteTimeout, IdleTimeout, PingTime time.Duration
	// ReadTimeout is the shortest time after which an ExpireRead can be due.
	ReadTimeout time.Duration
}

// A Call is one call of a Listener. One goroutine at a time reads, and one sends;
// Interrupt and CloseAfterAnswer may be called from any.
type Call interface { //nolint:interfacebloat // all of it is what a transport does for one call
	authn.Connection

	// Procedure is the path that the call asks for.
	Procedure() string
	// Metadata are the headers, by names in lower case, and with the values of those that
	// end in "-bin" decoded. They must not be changed.
	Metadata() map[string][]string
	// Remote is the address of the other end of the connection; ip is the zero Addr where
	// it is no IP address.
	Remote() (address string, ip netip.Addr)
	// TLS is the state of the connection, and nil where it is not encrypted.
	TLS() *tls.ConnectionState
	// Encoding is the compression of the requests; "" is none.
	Encoding() string
	// Subtype is what follows "application/grpc+" in the content type, or "".
	Subtype() string

	// Prefix reads what stands before a message. The error is io.EOF at the end of the
	// requests, and io.ErrUnexpectedEOF in the midst of a prefix.
	Prefix(prefix *[5]byte) error
	// Read reads as many bytes, in one piece. What it returns is valid until Free is
	// called on it.
	Read(bytes int) (Piece, error)
	// ExpireRead sets when reading must be done; then Prefix and Read return an error,
	// and Expired is true. The zero Time is never.
	ExpireRead(at time.Time)
	// Expired reports whether reading took too long.
	Expired() bool
	// Interrupt makes a Prefix, a Read, or a Send that waits for the client, and all
	// later ones that would, return an error. The context of the call ends with it.
	Interrupt()

	// Compression says how answers are compressed: "gzip", or "identity". It is called
	// before the header is sent, or not at all, which leaves it to the transport.
	Compression(name string) error
	// SendHeader sends the header. It is called once, and not where the first Send does.
	SendHeader(header map[string][]string) error
	// SetHeader sets the header that goes out with the first message or the end.
	SetHeader(header map[string][]string) error
	// Send sends a message of which the slice has a capacity of more than a kilobyte. It
	// must not be changed before taken is called, which happens once, also where Send
	// returns an error: when the connection has all of the message, or is closed.
	// reusable says that nothing reads the message any more.
	Send(message *[]byte, taken func(reusable bool)) error
	// SetTrailer sets the metadata that goes out with the end.
	SetTrailer(trailer map[string][]string)
}

// A Piece is some of what a caller sent.
type Piece interface {
	// ReadOnlyData returns the bytes, which must not be changed.
	ReadOnlyData() []byte
	// Free says that they are not used any more.
	Free()
}
