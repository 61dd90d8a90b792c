package main

import (
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"

	"connectrpc.com/connect/v2"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// A wire is a connection between the demo and a server, which can be cut.
type wire struct {
	net.Listener

	target string
	mu     sync.Mutex
	cut    bool
	ends   []net.Conn
}

func newWire(t *testing.T, target string) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: listener, target: target}
	t.Cleanup(func() {
		_ = listener.Close()
		w.set(true)
	})
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			w.join(near)
		}
	}()
	return w
}

// join connects a connection of the demo to the server.
func (w *wire) join(near net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	far, err := net.Dial("tcp", w.target)
	if w.cut || err != nil {
		_ = near.Close()
		if err == nil {
			_ = far.Close()
		}
		return
	}
	w.ends = append(w.ends, near, far)
	for _, ends := range [][2]net.Conn{{near, far}, {far, near}} {
		go func() {
			_, _ = io.Copy(ends[0], ends[1])
			_, _ = ends[0].Close(), ends[1].Close()
		}()
	}
}

// set cuts the wire or restores it.
func (w *wire) set(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	for _, end := range w.ends {
		_ = end.Close()
	}
	w.ends = nil
}

// TestSessionServerOutage cuts the demo off from the server of its sessions: no session
// lets a caller in meanwhile, and callers see that the demo is unavailable.
func TestSessionServerOutage(t *testing.T) {
	t.Parallel()
	for server, name := range sessionServers {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			address := environment(t, name)
			wire := newWire(t, address.Host)
			address.Host = wire.Addr().String()
			demo := start(t, "-addr", "127.0.0.1:0", "-db", filepath.Join(t.TempDir(), "demo.db"), "-sessions", address.String())
			_, token := signIn(t, demo, "admin")
			if code := lists(t, demo, token); code != 0 {
				t.Fatalf("before: %s", code)
			}
			wire.set(true)
			if code := lists(t, demo, token); code != connect.CodeUnavailable {
				t.Errorf("cut off: %s", code)
			}
			_, err := demo.client(t, "").SignIn(t.Context(), &demov1.SignInRequest{Email: "admin@example.com", Password: examplePassword})
			if connect.CodeOf(err) != connect.CodeUnavailable {
				t.Errorf("signing in, cut off: %v", err)
			}
			wire.set(false)
			if code := lists(t, demo, token); code != 0 {
				t.Errorf("afterwards: %s", code)
			}
		})
	}
}
