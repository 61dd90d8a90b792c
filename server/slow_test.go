package server_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action/event"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/server"
)

const (
	// short is a timeout that tests wait for, and long one that they do not.
	short = 200 * time.Millisecond
	long  = time.Minute
	// fair is a timeout that tests wait for, and that an honest client of the same server
	// keeps on a busy machine.
	fair = 5 * short
	// soon is by when something must have happened that takes short.
	soon = 20 * time.Second
	// envelopeBytes is what frames a message in gRPC.
	envelopeBytes = 5
)

// others calls as an honest client until the test is over, and fails it if that
// does not work. A first call may fail while its connection is made: on a busy machine
// its client too may take longer for that than a test of timeouts allows.
func (s *served) others(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	client := s.client(t, 2)
	connecting := time.Now().Add(soon)
	go func() {
		for calls := 0; ; calls++ {
			_, code, err := curlPost(client, s.url, "Bearer admin", &demov1.ListUsersRequest{})
			for calls == 0 && err != nil && time.Now().Before(connecting) {
				_, code, err = curlPost(client, s.url, "Bearer admin", &demov1.ListUsersRequest{})
			}
			if err != nil || code != 0 {
				done <- fmt.Errorf("call %d of others: code %d, %w", calls, code, err)
				return
			}
			if ctx.Err() != nil && calls > 0 {
				done <- nil
				return
			}
			time.Sleep(short / 10)
		}
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// hungUp reads until the server hangs up, and returns what it said before.
func hungUp(t *testing.T, conn net.Conn) string {
	t.Helper()
	begin := time.Now()
	if err := conn.SetReadDeadline(begin.Add(soon)); err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(conn)
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		t.Errorf("the server was still there after %v, having said %q", soon, said)
	}
	return string(said)
}

// drip writes a byte now and then, for as long as the server lets it.
func drip(conn net.Conn) {
	for {
		if _, err := conn.Write([]byte("x")); err != nil {
			return
		}
		time.Sleep(short / 20)
	}
}

// A client that takes its time over a header loses its connection.
func TestSlowHeader(t *testing.T) {
	t.Parallel()
	for name, begun := range map[string]string{
		"silence": "", "a method": "PO", "a line": "POST " + listUsers + " HTTP/1.1\r\n", "a field": "POST " + listUsers + " HTTP/1.1\r\nHost: x\r\nX-Y: ",
		"half a preface": "PRI * HTTP/2.0\r\n\r\nS",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			served := serve(t, &directory{}, server.WithHeaderTimeout(short))
			served.others(t)
			for _, dripped := range []bool{false, true} {
				conn := served.dial(t)
				if _, err := io.WriteString(conn, begun); err != nil {
					t.Fatal(err)
				}
				if dripped && strings.HasSuffix(begun, ": ") {
					go drip(conn)
				}
				hungUp(t, conn)
			}
		})
	}
	t.Run("handshake", func(t *testing.T) {
		t.Parallel()
		served := serveTLS(t, &directory{}, server.WithHeaderTimeout(short))
		served.others(t)
		hungUp(t, served.dial(t))
	})
	t.Run("after the handshake", func(t *testing.T) {
		t.Parallel()
		served := serveTLS(t, &directory{}, server.WithHeaderTimeout(short))
		served.others(t)
		for deadline := time.Now().Add(soon); ; {
			conn := tls.Client(served.dial(t), &tls.Config{RootCAs: served.roots, ServerName: "127.0.0.1"})
			_, err := io.WriteString(conn, "POST ")
			if err == nil {
				hungUp(t, conn)
				return
			}
			if time.Now().After(deadline) { // no handshake came to its end in time
				t.Fatal(err)
			}
		}
	})
	t.Run("half a header on HTTP/2", func(t *testing.T) {
		t.Parallel()
		served := serve(t, &directory{}, server.WithIdleTimeout(short))
		frames := served.dialFrames(t)
		frames.send(frame{kind: frameHeaders, stream: 1, payload: served.post(listUsers)})
		hungUp(t, frames.Conn)
	})
}

// A connection on which nothing is asked is closed after a while.
func TestIdle(t *testing.T) {
	t.Parallel()
	served := serve(t, &directory{}, server.WithIdleTimeout(short))
	conn := served.dial(t)
	if _, err := fmt.Fprintf(conn, "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if said := hungUp(t, conn); !strings.HasPrefix(said, "HTTP/1.1 404 ") {
		t.Errorf("the server said %q", said)
	}
	hungUp(t, served.dialFrames(t).Conn)
}

// A client that takes its time over a message is answered and let go; its handler
// does not run. The same goes for bodies that are not read.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, head string
		status     int
		decisions  int
	}{
		{"Connect", "POST " + listUsers + " HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 100", 504, 1},
		{"chunks", "POST " + listUsers + " HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked", 504, 1},
		{"gRPC-Web", "POST " + listUsers + " HTTP/1.1\r\nContent-Type: application/grpc-web\r\nContent-Length: 100", 200, 1},
		{"a type that is refused", "POST " + listUsers + " HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 100", 415, 0},
		{"a path that is not there", "POST /nowhere HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 100", 404, 0},
		{"a GET", "GET " + listUsers + "?encoding=json&message={} HTTP/1.1\r\nTransfer-Encoding: chunked", 401, 1},
	}
	for _, test := range tests {
		for _, dripped := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/dripped=%t", test.name, dripped), func(t *testing.T) {
				t.Parallel()
				served := serve(t, &directory{}, server.WithReadTimeout(short))
				conn := served.dial(t)
				if _, err := fmt.Fprintf(conn, "%s\r\nHost: x\r\n\r\n", test.head); err != nil {
					t.Fatal(err)
				}
				if dripped && !strings.Contains(test.head, "chunked") {
					go drip(conn)
				}
				said := hungUp(t, conn)
				if want := fmt.Sprintf("HTTP/1.1 %d ", test.status); !strings.HasPrefix(said, want) {
					t.Errorf("the server said %q", said)
				}
				if strings.Contains(said, served.address) || strings.Contains(said, "i/o timeout") {
					t.Errorf("the server told of its connection: %q", said)
				}
				decisions := served.take()
				if len(decisions) != test.decisions {
					t.Fatalf("decided %+v", decisions)
				}
				for _, decision := range decisions {
					if test.status == 504 && (decision.Stage != event.StageDecode || decision.Code != connect.CodeDeadlineExceeded) {
						t.Errorf("decided %+v", decision)
					}
				}
				if got := served.handled.Load(); got != 0 {
					t.Errorf("the handler ran %d times", got)
				}
			})
		}
	}
}

// On HTTP/2 a slow message ends its own call and nothing else on the connection.
func TestSlowBodyOnHTTP2(t *testing.T) {
	t.Parallel()
	served := serve(t, &directory{}, server.WithReadTimeout(fair))
	frames := served.dialFrames(t)
	for i, path := range []string{listUsers, "/nowhere"} {
		stream := uint32(2*i + 1)
		frames.send(frame{kind: frameHeaders, flags: flagEndHeaders, stream: stream, payload: served.post(path)})
		frames.send(frame{kind: frameData, stream: stream, payload: []byte{0}})
	}
	// Nothing is to come, and the end of it does not.
	frames.send(frame{kind: frameHeaders, flags: flagEndHeaders, stream: 5, payload: served.post(listUsers, "content-length", "0")})
	for ended := map[uint32]bool{}; len(ended) < 3; {
		got, err := frames.next(frameHeaders, frameReset)
		if err != nil {
			t.Fatal(err)
		}
		if got.flags&flagEndStream != 0 || got.kind == frameReset {
			ended[got.stream] = true
		}
	}
	frames.send(frame{kind: frameHeaders, flags: flagEndHeaders, stream: 7, payload: served.post(listUsers)})
	frames.send(frame{kind: frameData, flags: flagEndStream, stream: 7, payload: make([]byte, envelopeBytes)})
	for {
		got, err := frames.next(frameHeaders)
		if err != nil {
			t.Fatal(err)
		}
		if got.stream == 7 && got.payload[0] == statusOK {
			break
		}
	}
	if got := served.handled.Load(); got != 1 {
		t.Errorf("the handler ran %d times, want 1", got)
	}
}

// The timeouts are for clients: a handler may take longer than any of them.
func TestSlowHandler(t *testing.T) {
	t.Parallel()
	const (
		timeout = time.Second     // for the client to send its call, on a busy machine too
		ping    = 2 * time.Second // the client has half of it to answer
	)
	directory := &directory{name: "Ada", hold: func(ctx context.Context) error {
		select {
		case <-time.After(ping + short):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	served := serve(t, directory, server.WithHeaderTimeout(timeout), server.WithReadTimeout(timeout),
		server.WithWriteTimeout(timeout), server.WithPingInterval(ping))
	var both sync.WaitGroup
	defer both.Wait()
	for _, major := range []int{1, 2} {
		client := served.client(t, major)
		both.Go(func() {
			for range 2 { // on the same connection
				got, code, err := curlPost(client, served.url, "Bearer admin", &demov1.ListUsersRequest{})
				if err != nil || code != 0 || got != "Ada" {
					t.Errorf("HTTP/%d: %q, code %d, %v", major, got, code, err)
				}
			}
		})
	}
}

// A client that does not read its answer holds its call for a bounded time.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	large := &directory{name: strings.Repeat("x", 64<<20)}
	t.Run("HTTP/1.1", func(t *testing.T) {
		t.Parallel()
		served := serve(t, large, server.WithWriteTimeout(short), server.WithShutdownTimeout(long))
		conn := served.dial(t)
		if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"+
			"Authorization: Bearer admin\r\nContent-Length: 2\r\n\r\n{}", listUsers); err != nil {
			t.Fatal(err)
		}
		endsSoon(t, served)
	})
	t.Run("HTTP/2, no window", func(t *testing.T) {
		t.Parallel()
		served := serve(t, large, server.WithWriteTimeout(short), server.WithShutdownTimeout(long))
		frames := served.dialFrames(t, settingWindow, 0)
		frames.send(frame{kind: frameHeaders, flags: flagEndHeaders, stream: 1, payload: served.post(listUsers)})
		frames.send(frame{kind: frameData, flags: flagEndStream, stream: 1, payload: make([]byte, 5)})
		if _, err := frames.next(frameReset); err != nil {
			t.Error(err)
		}
		endsSoon(t, served)
	})
	t.Run("HTTP/2, nothing read", func(t *testing.T) {
		t.Parallel()
		served := serve(t, large, server.WithWriteTimeout(short), server.WithShutdownTimeout(long))
		frames := served.dialFrames(t, settingWindow, 1<<30)
		frames.send(frame{kind: 0x8, payload: []byte{0x3f, 0, 0, 0}}) // a window for the connection, too
		frames.send(frame{kind: frameHeaders, flags: flagEndHeaders, stream: 1, payload: served.post(listUsers)})
		frames.send(frame{kind: frameData, flags: flagEndStream, stream: 1, payload: make([]byte, 5)})
		endsSoon(t, served)
	})
}

// endsSoon shuts a server down and fails unless what it accepted ended long before
// the shutdown timeout.
func endsSoon(t *testing.T, served *served) {
	t.Helper()
	for begin := time.Now(); served.handled.Load() == 0; time.Sleep(time.Millisecond) {
		if time.Since(begin) > soon {
			t.Fatal("the call did not come in")
		}
	}
	begin := time.Now()
	if err := served.stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > soon {
		t.Errorf("it took %v", took)
	}
}
