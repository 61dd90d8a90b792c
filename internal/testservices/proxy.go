// Package testservices is for tests that need PostgreSQL or Redis: where the servers
// are that the script run starts, and a proxy that does to a connection what networks
// and silent servers do.
package testservices

import (
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// Environment returns the URL of a server from a variable such as
// SALLYPORT_TEST_POSTGRES, and skips the test where there is none.
func Environment(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Skip(name + " names no server: `make test-services` starts one")
	}
	return value
}

// A Proxy stands between a client and a server.
type Proxy struct {
	server string
	delay  time.Duration

	mu       sync.Mutex
	address  string
	listener net.Listener
	conns    map[net.Conn]bool
	stalled  chan struct{} // closed when nothing passes any more
	made     int
	group    sync.WaitGroup
}

// NewProxy returns a proxy to a server that delays each direction as told, and ends it
// with the test.
func NewProxy(t *testing.T, server string, delay time.Duration) *Proxy {
	t.Helper()
	p := &Proxy{address: "127.0.0.1:0", server: server, delay: delay, conns: map[net.Conn]bool{}, stalled: make(chan struct{})}
	p.Open(t)
	t.Cleanup(func() {
		p.Cut()
		p.group.Wait()
	})
	return p
}

// Address returns where the proxy listens, also after it was cut and opened again.
func (p *Proxy) Address() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.address
}

// Connections returns how many connections there were.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.made
}

// Open lets connections in, again after Cut.
func (p *Proxy) Open(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	listener, err := net.Listen("tcp", p.address) //nolint:noctx // it ends with the test
	if err != nil {
		t.Fatal(err)
	}
	p.address, p.listener = listener.Addr().String(), listener
	p.group.Go(func() { p.accept(listener) })
}

func (p *Proxy) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.server) //nolint:noctx // it ends with the test
		if err != nil {
			_ = conn.Close()
			continue
		}
		p.mu.Lock()
		if p.listener == listener {
			p.made++
			p.join(conn, server)
			p.join(server, conn)
		} else { // it was cut meanwhile
			_ = conn.Close()
			_ = server.Close()
		}
		p.mu.Unlock()
	}
}

// A chunk is data on its way.
type chunk struct {
	data []byte
	due  time.Time
}

// join passes on what comes from a connection, until it ends. The mutex is held.
func (p *Proxy) join(from, to net.Conn) {
	p.conns[from] = true
	chunks := make(chan chunk, 1<<10)
	p.group.Go(func() {
		defer close(chunks)
		for {
			data := make([]byte, 4<<10)
			n, err := from.Read(data)
			if err != nil {
				return
			}
			chunks <- chunk{data[:n], time.Now().Add(p.delay)}
		}
	})
	p.group.Go(func() {
		defer p.drop(from)
		defer to.Close()
		for chunk := range chunks {
			time.Sleep(time.Until(chunk.due))
			select {
			case <-p.stalled: // it is dropped, and neither side learns of that
			default:
				_, _ = to.Write(chunk.data) // after an error the next read fails
			}
		}
	})
}

// drop closes a connection that has ended.
func (p *Proxy) drop(conn net.Conn) {
	_ = conn.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
}

// Live returns how many connections there are now.
func (p *Proxy) Live() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns) / 2 // both sides are held
}

// Cut ends all connections and lets no more in.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	for conn := range p.conns {
		_ = conn.Close()
	}
	clear(p.conns)
}

// Stall lets nothing pass any more, without a word to either side, as with a server
// that was stopped. Connections are still accepted.
func (p *Proxy) Stall() { close(p.stalled) }
