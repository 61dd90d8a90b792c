package server

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectinprocess"
	"google.golang.org/protobuf/types/known/emptypb"
)

// inCall calls a function as the handler of a call in process, with the call's context.
func inCall(t *testing.T, call func(context.Context, connect.Spec, connect.ServerStream) error) error {
	t.Helper()
	spec := connect.Spec{Procedure: "/a.v1.Service/Method"}
	server := connect.NewServer()
	server.Register(connect.Method{Spec: spec, Handler: func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
		if err := call(ctx, spec, stream); err != nil {
			return err
		}
		return stream.Send(&emptypb.Empty{})
	}})
	return connect.NewClient(connectinprocess.New(server)).CallUnary(t.Context(), spec, &emptypb.Empty{}, &emptypb.Empty{})
}

// begun is a call that has begun.
func begun(t *testing.T, stream bool) *incoming {
	t.Helper()
	call := &incoming{stream: stream, holdings: newHoldings(1, 1<<20)}
	call.charge.budget, call.turn.running = newBudget(1<<20), newRunning(1)
	if err := call.charge.begin(0); err != nil {
		t.Fatal(err)
	}
	return call
}

// A caller who is known is held to account for the call that came in, and not for one that its
// handler makes, by which another is known.
func TestWhoIsHeldToAccount(t *testing.T) {
	t.Parallel()
	authenticated := func(call *incoming, principal string) error {
		return inCall(t, func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			ctx = context.WithValue(ctx, incomingKey{}, call)
			return reach(func(ctx context.Context, _ connect.Spec, _ connect.ServerStream) error {
				return call.Authenticated(ctx, principal)
			})(ctx, spec, stream)
		})
	}
	known := begun(t, false)
	if err := authenticated(known, "alice"); err != nil {
		t.Fatal(err)
	}
	if !known.reached || known.charge.held != 0 || known.account.principal != "alice" || !known.turn.held {
		t.Errorf("a caller who is known: %d bytes held, account of %q, turn %t", known.charge.held, known.account.principal, known.turn.held)
	}
	stranger := begun(t, false)
	if err := authenticated(stranger, ""); err != nil {
		t.Fatal(err)
	}
	if stranger.charge.held != callBytes || stranger.account.principal != "" || !stranger.turn.held {
		t.Errorf("one who is not: %d bytes held, account of %q, turn %t", stranger.charge.held, stranger.account.principal, stranger.turn.held)
	}
	stream := begun(t, true)
	if err := authenticated(stream, "alice"); err != nil {
		t.Fatal(err)
	}
	if stream.turn.held || stream.account.streams != 1 {
		t.Errorf("a stream has a turn: %t, and counts as %d", stream.turn.held, stream.account.streams)
	}
	busy := begun(t, false)
	busy.turn.running.calls.Add(1)
	if err := authenticated(busy, "alice"); connect.CodeOf(err) != connect.CodeResourceExhausted || !busy.isShed() || !busy.isToComeAgain() {
		t.Errorf("without a turn: %v", err)
	}
	crowded := begun(t, true)
	crowded.holdings.open("alice")
	if err := authenticated(crowded, "alice"); connect.CodeOf(err) != connect.CodeResourceExhausted || !crowded.isShed() || crowded.isToComeAgain() {
		t.Errorf("with a stream too many: %v", err)
	}

	// Within another call, and outside of any.
	outer := begun(t, false)
	if err := inCall(t, func(ctx context.Context, _ connect.Spec, _ connect.ServerStream) error {
		outer.call, _ = connect.CallInfoForServerContext(ctx)
		return inCall(t, func(ctx context.Context, _ connect.Spec, _ connect.ServerStream) error {
			return outer.Authenticated(ctx, "bob")
		})
	}); err != nil {
		t.Fatal(err)
	}
	if err := outer.Authenticated(t.Context(), "bob"); err != nil {
		t.Fatal(err)
	}
	if outer.turn.held || outer.account.principal != "" || outer.charge.held != callBytes || outer.isShed() {
		t.Errorf("a call of its handler: turn %t, account of %q, %d bytes held", outer.turn.held, outer.account.principal, outer.charge.held)
	}
}

// A call is told that there is no room before anything of it is read.
func TestNoRoom(t *testing.T) {
	t.Parallel()
	full := &incoming{}
	full.charge.budget, full.turn.running = newBudget(2*callBytes-1), newRunning(1)
	if err := full.askForRoom(0); !errors.Is(err, errBusy) {
		t.Errorf("without memory: %v", err)
	}
	full.charge.budget = newBudget(2 * callBytes)
	if err := full.askForRoom(1); !errors.Is(err, errBusy) {
		t.Errorf("without memory for what is unread: %v", err)
	}
	full = &incoming{}
	full.charge.budget, full.turn.running = newBudget(2*callBytes), newRunning(1)
	if err := full.askForRoom(0); err != nil || full.isShed() {
		t.Errorf("with room: %v", err)
	}
	full = &incoming{}
	full.charge.budget, full.turn.running = newBudget(2*callBytes), newRunning(1)
	full.turn.running.calls.Add(1)
	if err := full.askForRoom(0); !errors.Is(err, errOverloaded) || full.charge.held != 0 {
		t.Errorf("without a turn: %v", err)
	}
	full.stream = true
	if err := full.askForRoom(0); err != nil {
		t.Errorf("a stream, which takes no turn: %v", err)
	}
}

// What the server says of a message that it sends or reads is the answer, without what others
// put around it.
func TestReached(t *testing.T) {
	t.Parallel()
	other := errors.New("another")
	for name, test := range map[string]struct{ err, want error }{
		"none":          {nil, nil},
		"unread":        {fmt.Errorf("send: %w", errUnread), errUnread},
		"busy":          {fmt.Errorf("receive: %w", errBusy), errBusy},
		"another fault": {other, other},
	} {
		err := reach(func(context.Context, connect.Spec, connect.ServerStream) error { return test.err })(t.Context(), connect.Spec{}, nil)
		if err != test.want { //nolint:errorlint // without what is around it
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

// So many messages are decompressed at a time, and one that is none, or ends, leaves its place
// to the next.
func TestPlacesOfDecompression(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, _ = io.WriteString(writer, "text")
	_ = writer.Close()
	synctest.Test(t, func(t *testing.T) {
		compressor := defaultLimits.newCompressor()
		compressor.places = make(chan struct{}, 1)
		for range 3 {
			if _, err := compressor.Decompress(bytes.NewBufferString("no gzip")); !errors.Is(err, errPacked) {
				t.Errorf("what is not packed: %v", err)
			}
		}
		first, err := compressor.Decompress(bytes.NewReader(packed.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		next := make(chan struct{})
		go func() {
			defer close(next)
			second, err := compressor.Decompress(bytes.NewReader(packed.Bytes()[:packed.Len()-1]))
			if err != nil {
				t.Error(err)
				return
			}
			if text, err := io.ReadAll(second); string(text) != "text" || !errors.Is(err, errPacked) {
				t.Errorf("what is cut off: %q, %v", text, err)
			}
			_ = second.Close()
		}()
		synctest.Wait()
		select {
		case <-next:
			t.Error("two are decompressed at a time")
		default:
		}
		if text, err := io.ReadAll(first); string(text) != "text" || err != nil {
			t.Errorf("got %q, %v", text, err)
		}
		_ = first.Close()
		<-next
		if len(compressor.places) != 0 {
			t.Errorf("%d places are held", len(compressor.places))
		}
		left := 0
		failing := &inflating{ReadCloser: &closed{}, leave: func() { left++ }}
		if err := failing.Close(); !errors.Is(err, io.ErrUnexpectedEOF) || left != 1 {
			t.Errorf("one that fails as it is closed: %v, left %d times", err, left)
		}
	})
}
