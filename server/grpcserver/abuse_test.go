package grpcserver_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/server"
)

// short is a limit that a test waits for.
const short = 200 * time.Millisecond

// A request whose message does not come is refused in time, of a unary call and of a
// stream.
func TestSlowRequest(t *testing.T) {
	t.Parallel()
	served := serve(t, &handlers{}, server.WithReadTimeout(short))
	conn := dial(t, served.native, nil)
	for _, procedure := range []string{unaryService + "Own", streamService + "ChatEvery", streamService + "CollectEvery", streamService + "WatchFirst"} {
		ctx, cancel := context.WithTimeout(as(t.Context(), alice...), soon)
		stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, procedure)
		if err != nil {
			t.Fatal(err)
		}
		state := status.Convert(stream.RecvMsg(&testv1.Response{}))
		cancel()
		if state.Code() != codes.DeadlineExceeded || state.Message() != "the request did not arrive in time" {
			t.Errorf("%s: %v", procedure, state)
		}
		if got := served.take(t, 1)[0]; got.Code != connect.CodeDeadlineExceeded {
			t.Errorf("%s: recorded %v", procedure, got.Code)
		}
	}
	if served.ran.Load() != 0 {
		t.Error("a handler ran")
	}
}

// A stream on which nothing moves ends.
func TestIdleStream(t *testing.T) {
	t.Parallel()
	served := serve(t, &handlers{}, server.WithStreamIdleTimeout(short))
	stream, err := dial(t, served.native, nil).NewStream(as(t.Context(), alice...), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, streamService+"ChatOpen")
	if err != nil {
		t.Fatal(err)
	}
	if code := status.Code(stream.RecvMsg(&testv1.Response{})); code != codes.DeadlineExceeded {
		t.Error(code)
	}
}

// What strangers leave unread counts, until their connection is closed for it.
func TestUnreadAnswers(t *testing.T) {
	t.Parallel()
	handlers := &handlers{unary: func(context.Context, *connect.CallInfo, *testv1.Request) (*testv1.Response, error) {
		return &testv1.Response{Owners: []string{strings.Repeat("x", 1<<20)}}, nil
	}}
	served := serve(t, handlers, server.WithMaxMessageBytes(1<<20), server.WithMaxPendingBytes(16<<20), server.WithWriteTimeout(20*short))
	raw := served.dialRaw(t, 0)
	message := framed(0, encode(t, sound))
	const calls = 20
	refused := 0
	for i := range uint32(calls) {
		raw.open(2*i+1, unaryService+"Public", message)
	}
	for {
		_, _, payload, err := raw.next(frameHeaders)
		if err != nil {
			break // the connection was closed
		}
		if strings.Contains(string(payload), "come%20again") || len(payload) > 60 {
			refused++
		}
	}
	if ran := served.ran.Load(); ran > calls || ran < 2 {
		t.Errorf("%d handlers ran", ran)
	}
	denied := 0
	for _, event := range served.take(t, calls) {
		if event.Code == connect.CodeResourceExhausted {
			denied++
		}
	}
	if denied == 0 {
		t.Error("all answers had room")
	}
	// All of it was given back.
	for range 5 {
		if code := invoke(t.Context(), dial(t, served.native, nil), unaryService+"Public", sound); code != codes.OK {
			t.Errorf("another client: %v", code)
		}
	}
}

// A stream whose client does not read ends when its caller is revoked, though its handler
// waits to send.
func TestRevokedThoughUnread(t *testing.T) {
	t.Parallel()
	handlers := &handlers{opened: make(chan struct{}, 1)}
	served := serve(t, handlers, server.WithStreamGrace(0))
	raw := served.dialRaw(t, 1000)
	raw.open(1, streamService+"WatchPublicOpen", framed(0, encode(t, &testv1.Request{Owner: "x", First: 100})))
	<-handlers.opened
	if err := served.stop(); err != nil { // which ends streams at once
		t.Error(err)
	}
	if got := served.take(t, 2)[1]; got.Code != connect.CodeUnavailable {
		t.Errorf("recorded %v", got.Code)
	}
}

// No more calls of a connection run at a time than the limit says, and one more is
// refused.
func TestConcurrentStreams(t *testing.T) {
	t.Parallel()
	const limit = 4
	entered, leave := make(chan struct{}, limit+1), make(chan struct{})
	served := serve(t, &handlers{unary: func(context.Context, *connect.CallInfo, *testv1.Request) (*testv1.Response, error) {
		entered <- struct{}{}
		<-leave
		return &testv1.Response{}, nil
	}}, server.WithMaxConcurrentStreams(limit))
	raw := served.dialRaw(t, 65535)
	message := framed(0, encode(t, sound))
	for i := range uint32(limit) {
		raw.open(2*i+1, unaryService+"Public", message)
		<-entered
	}
	const oneMore = 2*limit + 1
	raw.open(oneMore, unaryService+"Public", message)
	const refused = 7
	if _, stream, payload, err := raw.next(frameReset); err != nil || stream != oneMore || payload[3] != refused {
		t.Errorf("stream %d, %v, %v", stream, payload, err)
	}
	close(leave)
	if _, _, _, err := raw.next(frameData); err != nil {
		t.Error(err)
	}
	if got := served.ran.Load(); got != limit {
		t.Errorf("%d handlers ran", got)
	}
}

// A client that opens calls and resets them at once does not get to run more of them than
// the limit, and others are served.
func TestRapidResets(t *testing.T) {
	t.Parallel()
	const limit = 4
	var running, most atomic.Int64
	served := serve(t, &handlers{unary: func(context.Context, *connect.CallInfo, *testv1.Request) (*testv1.Response, error) {
		now := running.Add(1)
		defer running.Add(-1)
		before := most.Load()
		for now > before && !most.CompareAndSwap(before, now) {
			before = most.Load()
		}
		time.Sleep(time.Millisecond) // as if the handler did something, and did not look at its context
		return &testv1.Response{}, nil
	}}, server.WithMaxConcurrentStreams(limit))
	raw := served.dialRaw(t, 65535)
	go func() { _, _ = io.Copy(io.Discard, raw) }()
	message := framed(0, encode(t, sound))
	for i := range uint32(2000) {
		if errors.Join(raw.tryOpen(2*i+1, unaryService+"Public", message), raw.try(frameReset, 0, 2*i+1, []byte{0, 0, 0, 8})) != nil {
			break
		}
	}
	if code := invoke(t.Context(), dial(t, served.native, nil), unaryService+"Public", sound); code != codes.OK {
		t.Errorf("another client: %v", code)
	}
	if got := most.Load(); got > limit+1 {
		t.Errorf("%d calls ran at a time", got)
	}
}

// A client that does not answer pings loses its connection, one that sends too many as
// well, and so does one without a call.
func TestConnectionEnds(t *testing.T) {
	t.Parallel()
	message := framed(0, encode(t, sound))
	gone := make(chan struct{}, 1)
	hold := func(ctx context.Context, _ *connect.CallInfo, _ *testv1.Request) (*testv1.Response, error) {
		<-ctx.Done()
		gone <- struct{}{}
		return nil, ctx.Err()
	}
	t.Run("silent", func(t *testing.T) {
		t.Parallel()
		served := serve(t, &handlers{unary: hold}, server.WithPingInterval(time.Second)) // the least that grpc takes
		served.dialRaw(t, 65535).open(1, unaryService+"Public", message)
		select {
		case <-gone: // though its connection stands, and it reads nothing
		case <-time.After(soon):
			t.Error("the call goes on")
		}
	})
	t.Run("pings", func(t *testing.T) {
		t.Parallel()
		raw := serve(t, &handlers{}).dialRaw(t, 65535)
		for range 10 {
			if raw.try(framePing, 0, 0, make([]byte, 8)) != nil {
				break
			}
		}
		if _, _, payload, err := raw.next(frameGoAway); err != nil || !strings.Contains(string(payload), "too_many_pings") {
			t.Errorf("%q, %v", payload, err)
		}
	})
	t.Run("idle", func(t *testing.T) {
		t.Parallel()
		raw := serve(t, &handlers{}, server.WithIdleTimeout(short)).dialRaw(t, 65535)
		if _, _, _, err := raw.next(frameGoAway); err != nil {
			t.Error(err)
		}
	})
	t.Run("no preface", func(t *testing.T) {
		t.Parallel()
		served := serve(t, &handlers{}, server.WithHeaderTimeout(short))
		conn, err := net.Dial("tcp", served.native)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(soon))
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, context.DeadlineExceeded) {
			t.Error("the connection stays open")
		}
	})
}

// A header beyond the limit reaches no handler.
func TestLargeHeader(t *testing.T) {
	t.Parallel()
	served := serve(t, &handlers{}, server.WithMaxHeaderBytes(4<<10))
	for size, want := range map[int]bool{1 << 10: true, 16 << 10: false, 200 << 10: false} {
		ran := served.ran.Load()
		ctx := metadata.AppendToOutgoingContext(t.Context(), "x-large", strings.Repeat("x", size))
		code := invoke(ctx, dial(t, served.native, nil), unaryService+"Public", sound)
		if (code == codes.OK) != want || (served.ran.Load() > ran) != want {
			t.Errorf("%d bytes: %v", size, code)
		}
	}
}

// What one principal, one address and all callers may hold of the server counts over both
// ports.
func TestShared(t *testing.T) {
	t.Parallel()
	t.Run("streams of a principal", func(t *testing.T) {
		t.Parallel()
		served := serve(t, &handlers{opened: make(chan struct{}, 3)}, server.WithMaxPrincipalStreams(2))
		for i, address := range []string{served.address, served.native, served.native} {
			stream, err := dial(t, address, nil).NewStream(as(t.Context(), alice...), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, streamService+"ChatOpen")
			if err != nil {
				t.Fatal(err)
			}
			if i < 2 {
				<-served.opened
				continue
			}
			if code := status.Code(stream.RecvMsg(&testv1.Response{})); code != codes.ResourceExhausted {
				t.Errorf("a third stream: %v", code)
			}
		}
	})
	t.Run("calls that run", func(t *testing.T) {
		t.Parallel()
		entered, leave := make(chan struct{}), make(chan struct{})
		served := serve(t, &handlers{unary: func(context.Context, *connect.CallInfo, *testv1.Request) (*testv1.Response, error) {
			close(entered)
			<-leave
			return &testv1.Response{}, nil
		}}, server.WithMaxRunningCalls(1))
		answered := make(chan codes.Code, 1)
		first, second := dial(t, served.native, nil), dial(t, served.native, nil)
		go func() { answered <- invoke(as(t.Context(), alice...), first, unaryService+"Anyone", sound) }()
		<-entered
		var header metadata.MD
		err := second.Invoke(as(t.Context(), alice...), unaryService+"Anyone", sound, &testv1.Response{}, grpc.Header(&header))
		if status.Code(err) != codes.ResourceExhausted || len(status.Convert(err).Details()) != 1 {
			t.Errorf("a second call: %v", err)
		}
		close(leave)
		if code := <-answered; code != codes.OK {
			t.Errorf("the first call: %v", code)
		}
	})
	t.Run("connections", func(t *testing.T) {
		t.Parallel()
		served := serve(t, &handlers{opened: make(chan struct{}, 3)}, server.WithMaxConnections(4)) // two of one address
		for range 2 {
			served.dialRaw(t, 65535).send(frameHeaders, flagEndHeaders, 1, head(streamService+"ChatOpen", alice...))
			<-served.opened
		}
		if code := invoke(t.Context(), dial(t, served.native, nil), unaryService+"Public", sound); code != codes.Unavailable {
			t.Errorf("one connection more: %v", code)
		}
	})
}
