package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/server"
)

// lasting has handlers that go on until their context ends, or longer.
type lasting struct {
	entered chan context.Context
	// leave ends a handler, or is nil.
	leave func(context.Context) <-chan struct{}
	// deaf handlers do not look at their context.
	deaf chan struct{}
}

func (l *lasting) wait(ctx context.Context) error {
	l.entered <- ctx
	if l.deaf != nil {
		<-l.deaf
		return nil
	}
	var leave <-chan struct{}
	if l.leave != nil {
		leave = l.leave(ctx)
	}
	select {
	case <-leave:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (l *lasting) Down(ctx context.Context, _ *action.AnonymousCall[text], stream *action.ServerStream[text]) error {
	if err := stream.Send(wrapperspb.String("a")); err != nil {
		return err
	}
	return l.wait(ctx)
}

func (l *lasting) Up(ctx context.Context, stream *action.AnonymousClientStream[text]) (*text, error) {
	l.entered <- ctx
	for {
		if _, err := stream.Receive(); err != nil {
			return nil, err
		}
	}
}

func (l *lasting) Both(ctx context.Context, stream *action.AnonymousBidiStream[text, text]) error {
	if err := stream.Send(wrapperspb.String("a")); err != nil {
		return err
	}
	return l.wait(ctx)
}

// open opens a stream, sends one message and keeps the stream open until it ends. It
// returns what came back.
func (s *served) open(t *testing.T, major int, name, protocol string) <-chan answer {
	t.Helper()
	client, ended := s.client(t, major), make(chan answer, 1)
	go func() {
		spec := connect.Spec{Procedure: "/described.v1.StreamService/" + name, StreamType: shapes[name]}
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		stream, err := connect.NewClient(connecthttp.NewTransport(client, s.url, protocols[protocol]...)).CallClientStream(ctx, spec)
		if err == nil {
			defer stream.Close()
			err = stream.Send(wrapperspb.String("x"))
		}
		if err == nil && name == "Down" {
			err = stream.CloseSend()
		}
		var all strings.Builder
		for err == nil {
			var message text
			if err = stream.Receive(&message); err == nil {
				all.WriteString(message.GetValue())
			}
		}
		ended <- answer{name: all.String(), code: connect.CodeOf(err), err: err}
	}()
	return ended
}

// Streams that outlive the grace end as unavailable, on every shape and protocol, and
// the shutdown is clean.
func TestShutdownEndsStreams(t *testing.T) {
	t.Parallel()
	for name := range shapes {
		for protocol := range protocols {
			for _, major := range []int{1, 2} {
				if major == 1 && name == "Both" {
					continue // connect needs HTTP/2 for it
				}
				t.Run(fmt.Sprintf("%s/%s/HTTP-%d", name, protocol, major), func(t *testing.T) {
					t.Parallel()
					handlers := &lasting{entered: make(chan context.Context, 1)}
					served, records := serveHandlers(t, handlers, server.WithStreamGrace(short), server.WithShutdownTimeout(long))
					ended := served.open(t, major, name, protocol)
					ctx := <-handlers.entered
					records.take()
					begin := time.Now()
					if err := served.stop(); err != nil {
						t.Error(err)
					}
					if took := time.Since(begin); took < short || took > soon/2 {
						t.Errorf("it took %v", took)
					}
					got := <-ended
					if connect.CodeOf(got.err) != connect.CodeUnavailable || !strings.Contains(got.err.Error(), "the server is shutting down") {
						t.Errorf("the client got %q and %v", got.name, got.err)
					}
					if ctx.Err() == nil {
						t.Error("the handler's context lives on")
					}
					if ends := records.takeEnds(); len(ends) != 1 || ends[0].Code != connect.CodeUnavailable || ends[0].Outcome != event.Deny || ends[0].Reason != "the server shuts down" {
						t.Errorf("the ends are %v", ends)
					}
					if kept := records.take(); len(kept) > 0 {
						t.Errorf("recorded besides: %v", kept)
					}
				})
			}
		}
	}
}

// A stream that ends within the grace is left alone: by itself, or because its handler
// learned that the server is draining.
func TestShutdownLetsStreamsFinish(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(context.Context) <-chan struct{}{
		"draining": action.Draining,
		"by itself": func(ctx context.Context) <-chan struct{} {
			left := make(chan struct{})
			go func() {
				<-action.Draining(ctx)
				time.Sleep(short)
				close(left)
			}()
			return left
		},
	} {
		for protocol := range protocols {
			t.Run(name+"/"+protocol, func(t *testing.T) {
				t.Parallel()
				handlers := &lasting{entered: make(chan context.Context, 1), leave: leave}
				served, _ := serveHandlers(t, handlers, server.WithStreamGrace(soon), server.WithShutdownTimeout(long))
				ended := served.open(t, 2, "Both", protocol)
				ctx := <-handlers.entered
				select {
				case <-action.Draining(ctx):
					t.Error("it is draining before the shutdown")
				default:
				}
				begin := time.Now()
				if err := served.stop(); err != nil || time.Since(begin) > soon/2 {
					t.Errorf("after %v: %v", time.Since(begin), err)
				}
				if got := <-ended; got.name != "a" || !errors.Is(got.err, io.EOF) {
					t.Errorf("the client got %q and %v", got.name, got.err)
				}
			})
		}
	}
}

// By default streams have a third of the shutdown timeout.
func TestDefaultStreamGrace(t *testing.T) {
	t.Parallel()
	handlers := &lasting{entered: make(chan context.Context, 1)}
	served, _ := serveHandlers(t, handlers, server.WithShutdownTimeout(6*time.Second))
	ended := served.open(t, 2, "Down", "grpc")
	<-handlers.entered
	begin := time.Now()
	if err := served.stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took < 2*time.Second || took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	if got := <-ended; connect.CodeOf(got.err) != connect.CodeUnavailable {
		t.Errorf("the client got %v", got.err)
	}
}

// The grace of streams does not end other calls, and a handler that does not return
// when its stream was ended makes the shutdown fail.
func TestStreamGraceEndsNothingElse(t *testing.T) {
	t.Parallel()
	held := hold(false)
	served := serve(t, &held.directory, server.WithStreamGrace(0), server.WithShutdownTimeout(long))
	answers := served.call(t, curlPost, 1)
	ctx := <-held.entered
	go func() {
		<-action.Draining(ctx)
		time.Sleep(2 * short)
		if err := ctx.Err(); err != nil {
			t.Errorf("the call's context ended: %v", err)
		}
		close(held.leave)
	}()
	if err := served.stop(); err != nil {
		t.Error(err)
	}
	if got := <-answers; got.name != "Ada" {
		t.Errorf("the call got %+v", got)
	}

	deaf := &lasting{entered: make(chan context.Context, 1), deaf: make(chan struct{})}
	t.Cleanup(func() { close(deaf.deaf) })
	other, _ := serveHandlers(t, deaf, server.WithStreamGrace(0), server.WithShutdownTimeout(2*short))
	other.open(t, 2, "Down", "connect")
	<-deaf.entered
	const want = "server: did not finish within 400ms: /described.v1.StreamService/Down; still running: /described.v1.StreamService/Down"
	if err := other.stop(); err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestStreamGraceRange(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		grace, timeout time.Duration
		refused        bool
	}{
		{0, time.Second, false}, {999 * time.Millisecond, time.Second, false}, {time.Second, time.Second, true},
		{-1, time.Second, true}, {time.Minute, time.Second, true},
	} {
		registry, _ := newRegistry(t)
		_, err := server.New(registry, server.WithStreamGrace(test.grace), server.WithShutdownTimeout(test.timeout))
		if (err != nil) != test.refused || err != nil && !strings.Contains(err.Error(), "stream grace of "+test.grace.String()) {
			t.Errorf("%v of %v: %v", test.grace, test.timeout, err)
		}
	}
}

// Where no server drains, there is nothing to wait for.
func TestDrainingElsewhere(t *testing.T) {
	t.Parallel()
	if draining := action.Draining(t.Context()); draining != nil {
		t.Errorf("got %v", draining)
	}
}

// signalled is the environment variable that makes the test binary a program which
// serves until signals end it. A call that it serves "answers" when the server drains,
// or "waits" for longer than the test takes.
const signalled = "SALLYPORT_TEST_SIGNALLED"

func TestSignals(t *testing.T) {
	t.Parallel()
	if os.Getenv(signalled) != "" {
		serveUntilSignalled(t)
		return
	}
	for _, first := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		for _, second := range []bool{false, true} {
			program := exec.Command(os.Args[0], "-test.run=^TestSignals$", "-test.v")
			program.Env = append(os.Environ(), signalled+"="+map[bool]string{false: "answers", true: "waits"}[second])
			output, err := program.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := program.Start(); err != nil {
				t.Fatal(err)
			}
			said := make(chan string, 10)
			go func() {
				defer close(said)
				for {
					var line string
					if _, err := fmt.Fscanln(output, &line); errors.Is(err, io.EOF) {
						return
					}
					said <- line
				}
			}()
			awaitLine(t, said, "serving")
			if err := program.Process.Signal(first); err != nil {
				t.Fatal(err)
			}
			awaitLine(t, said, "draining")
			if second {
				if err := program.Process.Signal(first); err != nil {
					t.Fatal(err)
				}
			}
			for range said {
			}
			err = program.Wait()
			switch status := program.ProcessState.Sys().(syscall.WaitStatus); {
			case second && (!status.Signaled() || status.Signal() != first):
				t.Errorf("a second %v: %v", first, err)
			case !second && err != nil:
				t.Errorf("%v: %v", first, err)
			}
		}
	}
}

func awaitLine(t *testing.T, said <-chan string, want string) {
	t.Helper()
	timeout := time.After(soon)
	for {
		select {
		case line, ok := <-said:
			if !ok {
				t.Fatalf("it ended before it said %q", want)
			}
			if line == want {
				return
			}
		case <-timeout:
			t.Fatalf("it did not say %q", want)
		}
	}
}

// serveUntilSignalled serves one call, and stops as a server that is signalled does.
func serveUntilSignalled(t *testing.T) {
	ctx, stop := server.SignalContext(t.Context())
	defer stop()
	registry, _ := newRegistry(t)
	held := hold(false)
	if err := registerDirectory(registry, &held.directory); err != nil {
		t.Fatal(err)
	}
	served := start(t, registry)
	served.call(t, curlPost, 1)
	calling := <-held.entered
	fmt.Println("serving")
	go func() {
		<-action.Draining(calling)
		fmt.Println("draining")
		if os.Getenv(signalled) == "waits" {
			time.Sleep(time.Minute) // only the second signal ends it
		}
		close(held.leave)
	}()
	<-ctx.Done()
	if err := served.stop(); err != nil {
		t.Error(err)
	}
}
