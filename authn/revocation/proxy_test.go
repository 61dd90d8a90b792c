package revocation_test

import (
	"net"
	"sync"
	"testing"
)

// A proxy stands between a link and its server, and can do what networks do.
type proxy struct {
	address, server string

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]bool
	stalled  chan struct{} // closed when nothing passes any more
	group    sync.WaitGroup
}

func newProxy(t *testing.T, server string) *proxy {
	t.Helper()
	p := &proxy{address: "127.0.0.1:0", server: server, conns: map[net.Conn]bool{}, stalled: make(chan struct{})}
	p.open(t)
	t.Cleanup(func() {
		p.cut()
		p.group.Wait()
	})
	return p
}

// open lets connections in, at the address of the first time.
func (p *proxy) open(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", p.address)
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.address, p.listener = listener.Addr().String(), listener
	p.group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", p.server)
			if err != nil {
				conn.Close()
				continue
			}
			p.join(conn, server)
			p.join(server, conn)
		}
	})
}

// join passes on what comes from a connection, until it ends.
func (p *proxy) join(from, to net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[from] = true
	p.group.Go(func() {
		defer from.Close()
		defer to.Close()
		for data := make([]byte, 4096); ; {
			n, err := from.Read(data)
			select {
			case <-p.stalled: // nobody gets it, and nobody is told
			default:
				if _, err := to.Write(data[:n]); err != nil {
					return
				}
			}
			if err != nil {
				return
			}
		}
	})
}

// cut ends all connections and lets no more in.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listener.Close()
	for conn := range p.conns {
		conn.Close()
	}
	clear(p.conns)
}

// stall lets nothing pass any more, without a word to either side.
func (p *proxy) stall() { close(p.stalled) }
