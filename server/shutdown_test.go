package server_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/server"
)

// held is a directory whose ListUsers waits until it is let go, or longer.
type held struct {
	directory

	entered chan context.Context
	leave   chan struct{}
}

func hold(deaf bool) *held {
	held := &held{entered: make(chan context.Context, 100), leave: make(chan struct{})}
	held.name = "Ada"
	held.hold = func(ctx context.Context) error {
		held.entered <- ctx
		ended := ctx.Done()
		if deaf {
			ended = nil
		}
		select {
		case <-held.leave:
			return nil
		case <-ended:
			return ctx.Err()
		}
	}
	return held
}

type answer struct {
	name string
	code connect.Code
	err  error
}

// call makes a call that is answered later.
func (s *served) call(t *testing.T, way way, major int) <-chan answer {
	t.Helper()
	client := s.client(t, major)
	answers := make(chan answer, 1)
	go func() {
		name, code, err := way(client, s.url, "Bearer admin", &demov1.ListUsersRequest{})
		answers <- answer{name, code, err}
	}()
	return answers
}

// A call that was accepted before the shutdown finishes, and nothing is accepted
// after it.
func TestShutdownFinishesCalls(t *testing.T) {
	t.Parallel()
	for _, major := range []int{1, 2} {
		for _, encrypted := range []bool{false, true} {
			t.Run(fmt.Sprintf("tls=%t/HTTP-%d", encrypted, major), func(t *testing.T) {
				t.Parallel()
				held := hold(false)
				begin := serve
				if encrypted {
					begin = serveTLS
				}
				served := begin(t, &held.directory, server.WithShutdownTimeout(long))
				answers := served.call(t, curlPost, major)
				ctx := <-held.entered
				stopped := make(chan error, 1)
				go func() { stopped <- served.stop() }()
				for deadline := time.Now().Add(soon); ; time.Sleep(time.Millisecond) {
					conn, err := net.Dial("tcp", served.address)
					if err != nil {
						break
					}
					conn.Close()
					if time.Now().After(deadline) {
						t.Fatal("connections are still accepted")
					}
				}
				if err := ctx.Err(); err != nil {
					t.Errorf("the call's context ended: %v", err)
				}
				select {
				case err := <-stopped:
					t.Errorf("the server stopped under a call: %v", err)
				default:
				}
				close(held.leave)
				if got, want := <-answers, (answer{name: "Ada"}); got != want {
					t.Errorf("the call got %+v", got)
				}
				if err := <-stopped; err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// A call that does not finish in time is cut off. The caller gets an answer if the
// handler returns.
func TestShutdownIsBounded(t *testing.T) {
	t.Parallel()
	for _, deaf := range []bool{false, true} {
		for _, major := range []int{1, 2} {
			t.Run(fmt.Sprintf("deaf=%t/HTTP-%d", deaf, major), func(t *testing.T) {
				t.Parallel()
				held := hold(deaf)
				t.Cleanup(func() { close(held.leave) })
				served := serve(t, &held.directory, server.WithShutdownTimeout(short))
				answers := served.call(t, curlPost, major)
				ctx := <-held.entered
				begin := time.Now()
				err := served.stop()
				if took := time.Since(begin); took < short || took > soon {
					t.Errorf("it took %v", took)
				}
				want := "server: did not finish within 200ms: " + listUsers
				if deaf {
					want += "; still running: " + listUsers
				}
				if err == nil || err.Error() != want {
					t.Errorf("got %v, want %s", err, want)
				}
				if ctx.Err() == nil {
					t.Error("the context of the call did not end")
				}
				switch got := <-answers; {
				case deaf && got.err == nil:
					t.Errorf("the call got %+v", got)
				case !deaf && got != (answer{code: connect.CodeCanceled}):
					t.Errorf("the call got %+v", got)
				}
			})
		}
	}
}

// Connections without a call do not hold a shutdown up, nor do they make it fail.
func TestShutdownWithIdlers(t *testing.T) {
	t.Parallel()
	served := serve(t, &directory{}, server.WithShutdownTimeout(4*time.Second))
	served.dial(t) // which net/http waits five seconds for
	served.dialFrames(t)
	for _, major := range []int{1, 2} {
		if got := <-served.call(t, curlPost, major); got.err != nil || got.code != 0 {
			t.Fatalf("%+v", got)
		}
	}
	if err := served.stop(); err != nil {
		t.Error(err)
	}
}

// A server serves once, on one listener, and leaves none open.
func TestServeOnce(t *testing.T) {
	t.Parallel()
	registry, _ := newRegistry(t)
	srv, err := server.New(registry, quiet, server.WithAddress("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	first, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Serve(over, first); err != nil {
		t.Error(err)
	}
	second, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Serve(t.Context(), second); err == nil || !strings.Contains(err.Error(), "serves already") {
		t.Errorf("a second time: %v", err)
	}
	if err := srv.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "serves already") {
		t.Errorf("a third time: %v", err)
	}
	for _, listener := range []net.Listener{first, second} {
		if conn, err := net.Dial("tcp", listener.Addr().String()); err == nil {
			conn.Close()
			t.Error("a listener is open")
		}
	}
}

// A listener that fails ends the server, and calls still finish.
func TestListenerFails(t *testing.T) {
	t.Parallel()
	held := hold(false)
	registry, _ := newRegistry(t)
	if err := demov1action.RegisterAccountService(registry, &held.directory); err != nil {
		t.Fatal(err)
	}
	srv, err := server.New(registry, quiet)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(t.Context(), listener) }()
	served := &served{address: listener.Addr().String(), url: "http://" + listener.Addr().String()}
	answers := served.call(t, curlPost, 1)
	<-held.entered
	listener.Close()
	close(held.leave)
	if got, want := <-answers, (answer{name: "Ada"}); got != want {
		t.Errorf("the call got %+v", got)
	}
	if err := <-ended; err == nil || !strings.HasPrefix(err.Error(), "server: accept ") {
		t.Errorf("got %v", err)
	}
}

// An address that cannot be listened on is said at once.
func TestRunAddressInUse(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	registry, _ := newRegistry(t)
	srv, err := server.New(registry, quiet, server.WithAddress(listener.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("got %v", err)
	}
}

// The log says what is served, and each step of the end.
func TestServerLogs(t *testing.T) {
	t.Parallel()
	served := serve(t, &directory{}, server.WithStopDelay(time.Nanosecond), server.WithUnguardedHandler("/healthz", reason, saying("healthy")))
	if got := <-served.call(t, curlPost, 1); got.err != nil {
		t.Error(got.err)
	}
	if err := served.stop(); err != nil {
		t.Error(err)
	}
	log := served.log.take()
	rest := log
	for _, line := range []string{
		`msg=serving address=`, `msg="serving without a gate" pattern=/healthz`, `msg="asked to stop" delay=1ns`, `msg="shutting down" timeout=`, `msg=stopped`,
	} {
		_, after, found := strings.Cut(rest, line)
		if !found {
			t.Errorf("%s is not in the log, or not in its place:\n%s", line, log)
			continue
		}
		rest = after
	}
	served = serve(t, &directory{})
	if err := served.stop(); err != nil {
		t.Error(err)
	}
	if log := served.log.take(); strings.Contains(log, "asked to stop") || !strings.Contains(log, "msg=stopped") {
		t.Errorf("without a delay the log is\n%s", log)
	}
}
