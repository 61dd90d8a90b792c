package server_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/server"
)

// sendGrace is for how long a client that does not read holds a stream that has ended.
const sendGrace = 2 * time.Second

// leaving are handlers that leave a goroutine behind which goes on sending. A stream of
// both returns when its client has no more to say, as such handlers do; a stream of
// responses returns after a moment.
type leaving struct {
	echo

	left   sync.WaitGroup
	sent   atomic.Int64 // after their handler had returned
	panics atomic.Int64
}

func (l *leaving) send(returned *atomic.Bool, send func(*text) error) {
	l.left.Go(func() {
		defer func() {
			if recover() != nil {
				l.panics.Add(1)
			}
		}()
		response := wrapperspb.String(strings.Repeat("x", 100))
		for {
			after := returned.Load()
			if send(response) != nil {
				return
			}
			if after {
				l.sent.Add(1)
			}
		}
	})
}

func (l *leaving) Down(_ context.Context, _ *action.AnonymousCall[text], stream *action.ServerStream[text]) error {
	var returned atomic.Bool
	l.send(&returned, stream.Send)
	time.Sleep(time.Millisecond)
	// What follows runs in the gate. What a Send that began by now sends is on the wire
	// before the stream ends, and counts as before.
	defer func() { returned.Store(true) }()
	return nil
}

func (l *leaving) Both(_ context.Context, stream *action.AnonymousBidiStream[text, text]) error {
	var returned atomic.Bool
	l.send(&returned, stream.Send)
	defer func() { returned.Store(true) }()
	for {
		if _, err := stream.Receive(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// When a handler has returned, the goroutines that it left behind send nothing, and
// nothing breaks: net/http panics where they do, and on HTTP/1.1 what they send would
// be read as the next response.
func TestHandlersLeaveSenders(t *testing.T) {
	t.Parallel()
	handlers := &leaving{}
	served, _ := serveHandlers(t, handlers)
	const clients, calls = 4, 60
	kinds := map[string]string{"connect": "application/connect+proto", "grpc": "application/grpc", "grpcweb": "application/grpc-web"}
	message := "\x00\x00\x00\x00\x03\n\x01a"
	var all sync.WaitGroup
	for _, major := range []int{1, 2} {
		for protocol, kind := range kinds {
			for _, name := range []string{"Down", "Both"} {
				if major == 1 && (name == "Both" || protocol == "grpc") {
					continue // they need HTTP/2
				}
				for range clients {
					client := served.client(t, major)
					all.Go(func() {
						for range calls {
							began := time.Now()
							err := hearOut(client, served.url+"/described.v1.StreamService/"+name, kind, message)
							if err != nil && time.Since(began) > sendGrace {
								continue // on a busy machine it read nothing for so long, and was cut off
							}
							if err != nil {
								t.Errorf("%s by %s on HTTP/%d: %v", name, protocol, major, err)
								return
							}
						}
					})
				}
			}
		}
	}
	all.Wait()
	handlers.left.Wait() // every sender was told that its stream has ended
	if panics := handlers.panics.Load(); panics > 0 {
		t.Errorf("%d senders panicked", panics)
	}
	if log := served.log.take(); strings.Contains(log, "panic") {
		t.Errorf("the log is %s", log)
	}
}

// hearOut makes a call, with the body sent a moment after its header, and reads the
// whole answer. It is one of whole envelopes.
func hearOut(client *http.Client, url, kind, message string) error {
	body, write := io.Pipe()
	go func() {
		_, _ = io.WriteString(write, message)
		write.Close()
	}()
	request, err := http.NewRequest(http.MethodPost, url, body)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", kind)
	request.Header.Set("TE", "trailers")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	for rest := answer; len(rest) > 0; {
		if len(rest) < envelopeBytes {
			return fmt.Errorf("the answer ends in %q", rest)
		}
		size := int(binary.BigEndian.Uint32(rest[1:]))
		end := rest[0] != 0
		if rest = rest[envelopeBytes:]; len(rest) < size {
			return fmt.Errorf("the last message of the answer has %d bytes of %d", len(rest), size)
		}
		if rest = rest[size:]; end && len(rest) > 0 {
			return fmt.Errorf("after its end the answer has %d bytes: %q", len(rest), bytes.ToValidUTF8(rest[:min(len(rest), 40)], []byte(".")))
		}
	}
	return nil
}

// A handler that returns while a goroutine of its waits in Send for a client who does
// not read, returns soon.
func TestHandlersLeaveWaitingSenders(t *testing.T) {
	t.Parallel()
	for _, major := range []int{1, 2} {
		t.Run(fmt.Sprintf("HTTP %d", major), func(t *testing.T) {
			t.Parallel()
			handlers := &stuffing{ended: make(chan error, 1)}
			served, _ := serveHandlers(t, handlers)
			response, err := served.client(t, major).Post(served.url+"/described.v1.StreamService/Down",
				"application/connect+proto", strings.NewReader("\x00\x00\x00\x00\x03\n\x01a"))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			select {
			case err := <-handlers.ended:
				if err == nil {
					t.Error("the sender has not been told")
				}
			case <-time.After(soon):
				t.Error("the sender waits on")
			}
			begin := time.Now()
			if err := served.stop(); err != nil || time.Since(begin) > soon {
				t.Errorf("the shutdown took %v: %v", time.Since(begin), err)
			}
		})
	}
}

// stuffing sends more than a client who does not read has room for, from a goroutine
// that outlives the handler.
type stuffing struct {
	echo

	ended chan error
}

func (s *stuffing) Down(_ context.Context, _ *action.AnonymousCall[text], stream *action.ServerStream[text]) error {
	waits := make(chan struct{})
	go func() {
		response := wrapperspb.String(strings.Repeat("x", 1<<20))
		if err := stream.Send(response); err != nil {
			s.ended <- err
			return
		}
		close(waits)
		for {
			if err := stream.Send(response); err != nil {
				s.ended <- err
				return
			}
		}
	}()
	select {
	case <-waits:
	case <-time.After(short):
	}
	time.Sleep(short)
	return nil
}

// waiting are handlers that wait for their client, and say how that ended.
type waiting struct {
	entered chan struct{}
	ended   chan error
}

func (w *waiting) wait(ctx context.Context, receive func() (*text, error)) error {
	w.entered <- struct{}{}
	var err error
	for err == nil {
		_, err = receive()
	}
	<-ctx.Done()
	w.ended <- err
	return err
}

func (w *waiting) Down(ctx context.Context, _ *action.AnonymousCall[text], stream *action.ServerStream[text]) error {
	if err := stream.SendHeaders(); err != nil {
		return err
	}
	w.entered <- struct{}{}
	<-ctx.Done()
	w.ended <- ctx.Err()
	return ctx.Err()
}

func (w *waiting) Up(ctx context.Context, stream *action.AnonymousClientStream[text]) (*text, error) {
	return nil, w.wait(ctx, stream.Receive)
}

func (w *waiting) Both(ctx context.Context, stream *action.AnonymousBidiStream[text, text]) error {
	return w.wait(ctx, stream.Receive)
}

// A stream that waits for a message ends at its caller's deadline, though the caller
// says nothing and does not hang up.
func TestSilentClientsDeadline(t *testing.T) {
	t.Parallel()
	for _, major := range []int{1, 2} {
		for protocol, kind := range map[string]string{"connect": "application/connect+proto", "grpc": "application/grpc", "grpcweb": "application/grpc-web"} {
			for _, name := range []string{"Up", "Both"} {
				if major == 1 && (name == "Both" || protocol == "grpc") {
					continue
				}
				t.Run(fmt.Sprintf("%s by %s on HTTP %d", name, protocol, major), func(t *testing.T) {
					t.Parallel()
					// On a busy machine a deadline may pass before the handler is called.
					for deadline := fair; !endsAtDeadline(t, name, kind, major, deadline) && !t.Failed(); deadline *= 2 {
						if deadline > soon {
							t.Fatalf("the handler was not called within %v", deadline)
						}
					}
				})
			}
		}
	}
}

// endsAtDeadline calls a handler that waits for its client, who says nothing. It returns
// false if the call ended before the handler was called.
func endsAtDeadline(t *testing.T, name, kind string, major int, deadline time.Duration) bool {
	t.Helper()
	handlers := &waiting{entered: make(chan struct{}, 1), ended: make(chan error, 1)}
	served, _ := serveHandlers(t, handlers)
	body, write := io.Pipe()
	defer write.Close()
	go func() { _, _ = io.WriteString(write, "\x00\x00\x00\x00\x03\n\x01a") }()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, served.url+"/described.v1.StreamService/"+name, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", kind)
	request.Header.Set("TE", "trailers")
	request.Header.Set("Connect-Timeout-Ms", strconv.FormatInt(deadline.Milliseconds(), 10))
	request.Header.Set("Grpc-Timeout", fmt.Sprintf("%dm", deadline.Milliseconds()))
	begin := time.Now()
	answered := make(chan error, 1)
	go func() { // HTTP/1.1's client may wait with the answer until it has sent the body
		response, err := served.client(t, major).Do(request)
		if err == nil {
			_, err = io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
		answered <- err
	}()
	entered := false
	select {
	case <-handlers.entered:
		entered = true
	case <-time.After(deadline + soon/4):
		_ = write.Close() // the answer on HTTP/1.1
	}
	if entered {
		select {
		case err := <-handlers.ended:
			if took := time.Since(begin); connect.CodeOf(err) != connect.CodeDeadlineExceeded || took < deadline || took > deadline+soon/4 {
				t.Errorf("after %v the handler is told %v", took, err)
			}
		case <-time.After(deadline + soon):
			stacks := make([]byte, 1<<20)
			t.Errorf("the handler waits on\n%s", stacks[:runtime.Stack(stacks, true)])
		}
	}
	if major == 2 || !entered {
		select {
		case <-answered:
		case <-time.After(soon):
			t.Error("there is no answer")
		}
	}
	return entered
}

// A client that cancels its context is gone for the server at once.
func TestCancelReachesTheServer(t *testing.T) {
	t.Parallel()
	for _, major := range []int{1, 2} {
		for protocol, options := range protocols {
			for name, shape := range shapes {
				if major == 1 && (name == "Both" || protocol == "grpc") {
					continue
				}
				t.Run(fmt.Sprintf("%s by %s on HTTP %d", name, protocol, major), func(t *testing.T) {
					t.Parallel()
					handlers := &waiting{entered: make(chan struct{}, 1), ended: make(chan error, 1)}
					served, _ := serveHandlers(t, handlers)
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					client := connect.NewClient(connecthttp.NewTransport(served.client(t, major), served.url, options...))
					stream, err := client.CallClientStream(ctx, connect.Spec{Procedure: "/described.v1.StreamService/" + name, StreamType: shape})
					if err != nil {
						t.Fatal(err)
					}
					defer stream.Close()
					if err := stream.Send(wrapperspb.String("a")); err != nil {
						t.Fatal(err)
					}
					if name == "Down" {
						if err := stream.CloseSend(); err != nil {
							t.Fatal(err)
						}
					}
					<-handlers.entered
					cancel()
					begin := time.Now()
					select {
					case err := <-handlers.ended:
						if took := time.Since(begin); took > soon/4 {
							t.Errorf("it took %v, and the handler is told %v", took, err)
						}
					case <-time.After(soon):
						t.Error("the handler waits on")
					}
				})
			}
		}
	}
}

// Until its caller is let in, a stream of requests takes no longer than a request may
// take to arrive; later messages have the idle limit.
func TestStrangersDoNotHoldStreams(t *testing.T) {
	t.Parallel()
	served, _ := serveHandlers(t, echo{}, server.WithReadTimeout(fair), server.WithStreamIdleTimeout(long))
	for _, major := range []int{1, 2} {
		for _, name := range []string{"Up", "Both"} {
			if major == 1 && name == "Both" {
				continue
			}
			body, write := io.Pipe()
			defer write.Close()
			begin := time.Now()
			response, err := served.client(t, major).Post(served.url+"/described.v1.StreamService/"+name, "application/connect+proto", body)
			if err != nil {
				t.Fatal(err)
			}
			answer, _ := io.ReadAll(response.Body)
			response.Body.Close()
			if took := time.Since(begin); took < fair || took > soon || !bytes.Contains(answer, []byte("deadline_exceeded")) {
				t.Errorf("%s on HTTP/%d: after %v the answer is %q", name, major, took, answer)
			}
		}
	}
	got, err := converse(served.client(t, 2), served.url, "Up", 2*fair, []string{"a", "b"})
	if err != nil || got != "ab" {
		t.Errorf("a later message that takes longer: %q, %v", got, err)
	}
}
