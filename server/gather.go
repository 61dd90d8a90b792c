package server

import (
	"bufio"
	"bytes"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// mostGathered is how many bytes of a connection wait to be written before its writers
	// wait too.
	mostGathered = 64 << 10
	// gatherBytes is what a buffer of waiting bytes begins with.
	gatherBytes = 8 << 10
	// lingerTimeout is how long a closed connection may take for what was written before.
	lingerTimeout = time.Second
)

// http2Preface is what a client begins HTTP/2 with (RFC 9113, section 3.4), as far as
// net/http reads it at first.
var http2Preface = []byte("PRI * HTTP/2.0")

// A gatherer is a listener whose connections gather what HTTP/2 writes. A call takes
// several frames, which net/http writes one by one, and those of calls that are answered
// at the same time go out together: that saves most of the system calls. HTTP/1
// connections write as they are told to.
type gatherer struct {
	net.Listener

	connections *connections
	timeout     time.Duration // in which a client takes a byte
	buffers     sync.Pool     // of *[]byte
}

func gatherWrites(listener net.Listener, connections *connections, timeout time.Duration) *gatherer {
	return &gatherer{Listener: listener, connections: connections, timeout: timeout, buffers: sync.Pool{New: func() any {
		buffer := make([]byte, 0, gatherBytes)
		return &buffer
	}}}
}

// Accept implements [net.Listener].
func (g *gatherer) Accept() (net.Conn, error) {
	for {
		accepted, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		gathered := &gathered{Conn: accepted, gatherer: g}
		gathered.room.L = &gathered.mu
		if g.connections.admit(gathered) {
			return gathered, nil
		}
	}
}

// A gathered is a connection. While a goroutine writes to the network, what others write
// waits and goes out in one piece. It is safe for concurrent use by one reader and any
// number of writers.
type gathered struct {
	net.Conn
	idler

	native   bool         // it is one of the gRPC port, which closes its idle ones itself
	address  netip.Addr   // of the client; the zero Addr is not known
	network  netip.Prefix // what it counts as; the zero Prefix does not count
	gatherer *gatherer
	read     bool          // something was read
	reader   *bufio.Reader // of HTTP/2 without TLS, whose frames are read in small pieces
	gathers  atomic.Bool   // it speaks HTTP/2

	mu      sync.Mutex
	room    sync.Cond // there is less waiting, or an error
	waiting *[]byte   // nil where nothing waits
	flushes bool      // a goroutine writes to the network
	closed  bool
	linger  time.Time // until when that may go on once it is closed
	failure error     // what ended the writing

	reads            int // under way; one, or none
	reading, writing deadline
}

// Read implements [net.Conn].
func (c *gathered) Read(data []byte) (int, error) {
	if c.reader != nil {
		return c.reader.Read(data)
	}
	n, err := c.receive(data)
	if !c.read && n > 0 {
		c.read = true
		if bytes.HasPrefix(data[:n], http2Preface) {
			c.reader = bufio.NewReader(receiver{c})
			c.gathers.Store(true)
		}
	}
	return n, err
}

// Write implements [net.Conn]. On HTTP/2 a nil error says that the data will be written,
// in the order of the calls, unless the connection fails.
func (c *gathered) Write(data []byte) (int, error) {
	if !c.gathers.Load() {
		return c.transmit(data)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.waiting != nil && len(*c.waiting) >= mostGathered && c.failure == nil && !c.closed {
		c.room.Wait()
	}
	switch {
	case c.failure != nil:
		return 0, c.failure
	case c.closed:
		return 0, net.ErrClosed
	}
	if c.waiting == nil {
		c.waiting = c.gatherer.buffers.Get().(*[]byte) //nolint:forcetypeassert // the pool has nothing else
	}
	*c.waiting = append(*c.waiting, data...)
	if !c.flushes {
		c.flushes = true
		go c.flush()
	}
	return len(data), nil
}

// flush writes what waits until nothing does. It then closes the connection if that was
// asked for.
func (c *gathered) flush() {
	runtime.Gosched() // others may have something to add
	for {
		c.mu.Lock()
		taken := c.waiting
		if taken == nil {
			c.flushes = false
			closed := c.closed
			c.mu.Unlock()
			if closed {
				_ = c.Conn.Close()
			}
			return
		}
		c.waiting = nil
		c.room.Broadcast()
		c.mu.Unlock()
		err := c.send(*taken)
		if cap(*taken) <= mostGathered {
			*taken = (*taken)[:0]
			c.gatherer.buffers.Put(taken)
		}
		if err != nil {
			c.fail(err)
			return
		}
	}
}

// send writes to the network. It fails if the client takes no byte within the timeout.
func (c *gathered) send(data []byte) error {
	for {
		c.mu.Lock()
		deadline := time.Now().Add(c.gatherer.timeout)
		if c.closed && c.linger.Before(deadline) {
			deadline = c.linger
		}
		err := c.Conn.SetWriteDeadline(deadline)
		c.mu.Unlock()
		if err != nil {
			return err
		}
		n, err := c.Conn.Write(data)
		if n == len(data) || n == 0 && err != nil {
			return err
		}
		if data = data[n:]; !isTimeout(err) {
			return err
		}
		if c.isLate() {
			return err
		}
	}
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error) //nolint:errorlint // what a connection returns is one
	return ok && timeout.Timeout()
}

// isLate reports whether a closed connection has had its time.
func (c *gathered) isLate() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed && !time.Now().Before(c.linger)
}

// fail ends the connection.
func (c *gathered) fail(err error) {
	c.mu.Lock()
	c.failure, c.waiting, c.flushes = err, nil, false
	c.room.Broadcast()
	c.mu.Unlock()
	_ = c.Conn.Close()
}

// Close implements [net.Conn]. It does not wait: what was written before has a moment to
// go out.
func (c *gathered) Close() error {
	c.gatherer.connections.closed(c)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.closed = true
	c.room.Broadcast()
	if !c.flushes {
		return c.Conn.Close()
	}
	c.linger = time.Now().Add(lingerTimeout)
	_ = c.Conn.SetReadDeadline(time.Unix(1, 0)) // a goroutine that reads ends
	return c.Conn.SetWriteDeadline(c.linger)
}

// CloseWrite is for HTTP/1, where net/http sends the end of an answer before it closes.
func (c *gathered) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && !c.gathers.Load() {
		return half.CloseWrite()
	}
	return nil
}
