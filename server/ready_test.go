package server_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/server"
	"github.com/sallyport-rpc/sallyport/server/grpcserver"
)

// newEmpty returns a server without actions, and a listener for it.
func newEmpty(t *testing.T, options ...server.Option) (*server.Server, net.Listener) {
	t.Helper()
	registry, err := action.NewRegistry(nil)
	if err != nil {
		t.Fatal(err)
	}
	srv, err := server.New(registry, options...)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return srv, listener
}

// freeAddress returns an address on which no program listens, and which no other program
// is given by luck where every address of 127.0.0.0/8 is this machine's.
func freeAddress(t *testing.T) string {
	t.Helper()
	host := "127.0.0.1:0"
	if runtime.GOOS == "linux" {
		host = fmt.Sprintf("127.%d.%d.%d:0", 1+rand.IntN(254), rand.IntN(255), 1+rand.IntN(254))
	}
	listener, err := net.Listen("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// isClosed fails the test where a listener still accepts.
func isClosed(t *testing.T, listener net.Listener) {
	t.Helper()
	if err := listener.(*net.TCPListener).SetDeadline(time.Now()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is not closed: %v", err)
	}
}

// A server is ready when clients can connect to each of its ports.
func TestReady(t *testing.T) {
	t.Parallel()
	forGRPC := freeAddress(t)
	srv, listener := newEmpty(t, server.WithGRPC(grpcserver.New(forGRPC)))
	ctx, stop := context.WithCancel(t.Context())
	var dialed error
	err := srv.ServeReady(ctx, listener, func() error {
		for _, address := range []string{listener.Addr().String(), forGRPC} {
			conn, err := net.Dial("tcp", address)
			if err == nil {
				err = conn.Close()
			}
			dialed = errors.Join(dialed, err)
		}
		stop()
		return nil
	})
	if err != nil || dialed != nil {
		t.Errorf("it ended with %v, and when it was ready: %v", err, dialed)
	}
}

// What keeps a server from being ready ends it, and leaves no port open.
func TestNotReady(t *testing.T) {
	t.Parallel()
	errNotNow := errors.New("not now")
	t.Run("the port for gRPC is taken", func(t *testing.T) {
		t.Parallel()
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
		srv, listener := newEmpty(t, server.WithGRPC(grpcserver.New(taken.Addr().String())))
		ready := false
		if err := srv.ServeReady(t.Context(), listener, func() error { ready = true; return nil }); err == nil || ready {
			t.Errorf("it ended with %v, ready: %v", err, ready)
		}
		isClosed(t, listener)
	})
	t.Run("ready fails", func(t *testing.T) {
		t.Parallel()
		forGRPC := freeAddress(t)
		srv, listener := newEmpty(t, server.WithGRPC(grpcserver.New(forGRPC)))
		if err := srv.ServeReady(t.Context(), listener, func() error { return errNotNow }); !errors.Is(err, errNotNow) {
			t.Errorf("it ended with %v", err)
		}
		isClosed(t, listener)
		again, err := net.Listen("tcp", forGRPC)
		if err != nil {
			t.Fatalf("the port for gRPC is not closed: %v", err)
		}
		again.Close()
	})
	t.Run("ready is nil", func(t *testing.T) {
		t.Parallel()
		srv, listener := newEmpty(t)
		if err := srv.ServeReady(t.Context(), listener, nil); err == nil {
			t.Error("it served")
		}
		isClosed(t, listener)
	})
}
