package grpcserver

import (
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sallyport-rpc/sallyport/server/internal/port"
)

// connections is a listener that knows the connections that it has accepted.
type connections struct {
	net.Listener

	server *server
}

// Accept implements [net.Listener].
func (l *connections) Accept() (net.Conn, error) {
	var place port.Place
	var conn net.Conn
	for admitted := false; !admitted; {
		var err error
		if conn, err = l.Listener.Accept(); err != nil {
			return nil, err
		}
		place, admitted = l.server.host.Admit(conn)
	}
	connection := &connection{Conn: conn, server: l.server, place: place, address: conn.RemoteAddr().String(), calls: map[*call]struct{}{}}
	if remote, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		connection.remote = remote.AddrPort().Addr()
	}
	l.server.mu.Lock()
	defer l.server.mu.Unlock()
	l.server.connections[connection] = struct{}{}
	return connection, nil
}

// A connection is one connection of a client, below TLS. It is also what grpc tells calls
// of who is at the other end.
type connection struct {
	net.Conn

	server  *server
	place   port.Place
	address string               // of the other end
	remote  netip.Addr           // the same without a port; the zero Addr where it is no IP address
	state   *tls.ConnectionState // nil where it is not encrypted; set by the handshake
	closing atomic.Bool          // it is to be closed when no call is under way

	mu    sync.Mutex
	calls map[*call]struct{} // that run, or whose answers are not taken
	used  bool               // there was a call
	idle  time.Time          // since when there is none; zero while there is
}

// AuthType implements [credentials.AuthInfo].
func (c *connection) AuthType() string {
	if c.state == nil {
		return "insecure"
	}
	return "tls"
}

// Write implements [net.Conn]. A client that takes no byte for as long as the write
// timeout loses the connection.
func (c *connection) Write(data []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.server.limits.WriteTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(data)
}

// Close implements [net.Conn].
func (c *connection) Close() error {
	defer c.forget()
	return c.Conn.Close()
}

// forget gives back what is held for the answers that the connection will not take.
func (c *connection) forget() {
	c.place.Leave()
	c.server.mu.Lock()
	delete(c.server.connections, c)
	c.server.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	for call := range c.calls {
		// The lock of the connection is held for as long as the messages are taken back.
		go call.drop()
	}
}

// add notes a call that begins.
func (c *connection) add(call *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.calls) == 0 {
		c.place.Idle(false)
	}
	c.used, c.idle = true, time.Time{}
	c.calls[call] = struct{}{}
}

// returned notes that the handler of a call has returned.
func (c *connection) returned(call *call) {
	call.returned.Store(time.Now().UnixNano())
	if call.isSent() {
		c.remove(call)
	}
}

// remove forgets a call of which nothing is left to do.
func (c *connection) remove(call *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.calls, call)
	if len(c.calls) == 0 {
		c.idle = time.Now()
		c.place.Idle(true)
	}
}

// linger is how long an answer has to be on its way before the connection is closed after
// it.
const linger = 500 * time.Millisecond

// look ends what takes too long.
func (c *connection) look(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing.Load() && !c.idle.IsZero() && now.Sub(c.idle) > linger {
		go func() { _ = c.Conn.Close() }()
		return
	}
	for call := range c.calls {
		if expires := call.expires.Load(); expires != 0 && now.UnixNano() > expires {
			call.expired.Store(true)
			call.cancel()
		}
		if returned := call.returned.Load(); returned != 0 && now.UnixNano()-returned > int64(c.server.limits.WriteTimeout) {
			go func() { _ = c.Conn.Close() }()
			return
		}
	}
}

// cut cancels the contexts of all calls.
func (c *connection) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for call := range c.calls {
		call.cancel()
	}
}

// closeUnused closes a connection on which there was no call: nothing of it is waited for.
func (c *connection) closeUnused() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.used {
		_ = c.Conn.Close()
	}
}
