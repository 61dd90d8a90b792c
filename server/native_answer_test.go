package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Answers go out with one header, are counted until the connection has them, and give back what
// they hold where they do not go.
func TestNativeSends(t *testing.T) {
	t.Parallel()
	call := &wired{}
	stream := streamOf(t, call, false)
	stream.info.ResponseHeader().Set("x", "y")
	large := wrapperspb.Bytes(make([]byte, smallAnswer-3)) // and three more bytes
	less := wrapperspb.Bytes(make([]byte, smallAnswer-4))
	for i, message := range []*wrapperspb.BytesValue{less, large} {
		if err := stream.Send(message); err != nil {
			t.Fatal(err)
		}
		if size := smallAnswer - 1 + i; len(call.sent[i]) != size || stream.info.SendStats.Size != size {
			t.Errorf("%d bytes were sent, said to be %d", len(call.sent[i]), stream.info.SendStats.Size)
		}
		if want := int64(i * smallAnswer); stream.incoming.charge.unread != want || stream.holding.Load() != int64(i+2) {
			t.Errorf("%d bytes are counted, and %d hold the call", stream.incoming.charge.unread, stream.holding.Load())
		}
	}
	if got := fmt.Sprint(call.header, call.compression); got != "[set] []" {
		t.Errorf("the header was %s", got)
	}
	stream.complete()
	if got := fmt.Sprint(call.header); got != "[set]" || call.trailer != nil {
		t.Errorf("at the end the header was %s, and the trailer %v", got, call.trailer)
	}
	call.taken[1](false)
	if stream.incoming.charge.unread != 0 || stream.holding.Load() != 2 || stream.incoming.charge.ended {
		t.Errorf("once it was taken %d bytes are counted, and %d hold the call", stream.incoming.charge.unread, stream.holding.Load())
	}
	stream.letGo()
	if stream.incoming.charge.ended {
		t.Error("the call has ended, and the connection has not all of its answers")
	}
	call.taken[0](true)
	if !stream.incoming.charge.ended {
		t.Error("the call has not ended")
	}

	broken := streamOf(t, &wired{}, false)
	if err := broken.Send("no message"); connect.CodeOf(err) != connect.CodeInternal || !strings.Contains(err.Error(), "could not be encoded") || broken.holding.Load() != 1 {
		t.Errorf("what is no message: %v, and %d hold the call", err, broken.holding.Load())
	}
	full := streamOf(t, &wired{}, false)
	full.incoming.charge.budget = newBudget(granule)
	if err := full.Send(large); !errors.Is(err, errBusy) || full.holding.Load() != 1 || full.headed {
		t.Errorf("without room: %v, and %d hold the call", err, full.holding.Load())
	}
	unary := streamOf(t, &wired{}, true)
	if err := errors.Join(unary.incoming.turn.take(), unary.Send(less)); err != nil || unary.incoming.turn.held {
		t.Errorf("a unary call has its turn while its answer is sent: %t, %v", unary.incoming.turn.held, err)
	}
	turned := streamOf(t, &wired{}, false)
	if err := errors.Join(turned.incoming.turn.take(), turned.Send(less)); err != nil || !turned.incoming.turn.held {
		t.Errorf("a stream gave back what it never took: %v", err)
	}
	empty := &wired{}
	silent := streamOf(t, empty, true)
	silent.info.ResponseTrailer().Set("x", "y")
	silent.complete()
	if !silent.headed || fmt.Sprint(empty.header) != "[]" || fmt.Sprint(empty.trailer) != "map[x:[y]]" {
		t.Errorf("without an answer and a header: %v, %v", empty.header, empty.trailer)
	}
	headed := &wired{}
	silent = streamOf(t, headed, true)
	silent.info.ResponseHeader().Set("x", "y")
	silent.complete()
	if fmt.Sprint(headed.header) != "[set]" {
		t.Errorf("without an answer: %v", headed.header)
	}
}

// Answers are compressed where that is agreed and, of a unary call, where it pays.
func TestNativeCompresses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		packed, gzip, unary bool
		size                int
		want                string
	}{
		"not agreed":               {false, false, true, minCompressed, ""},
		"unary, where it pays":     {false, true, true, minCompressed, "gzip"},
		"unary, where it does not": {false, true, true, minCompressed - 1, ""},
		"a packed request":         {true, true, true, minCompressed - 1, "identity"},
		"a packed one of no one":   {true, false, true, minCompressed, "identity"},
		"a stream":                 {true, true, false, 0, "gzip"},
	} {
		call := &wired{}
		stream := streamOf(t, call, test.unary)
		stream.packed, stream.gzip = test.packed, test.gzip
		if err := stream.compress(test.size); err != nil || strings.Join(call.compression, " ") != test.want {
			t.Errorf("%s: %v, %v", name, call.compression, err)
		}
	}
	// The header of a stream goes out by itself once, and that of a unary call with its answer.
	call := &wired{encoding: "gzip"}
	stream := streamOf(t, call, false)
	for range 2 {
		if err := stream.SendHeaders(); err != nil {
			t.Error(err)
		}
	}
	if err := stream.Send(wrapperspb.Bool(true)); err != nil || fmt.Sprint(call.header, call.compression) != "[sent] [gzip]" {
		t.Errorf("of a stream: %v, %v, %v", call.header, call.compression, err)
	}
	call = &wired{}
	stream = streamOf(t, call, true)
	if err := stream.SendHeaders(); err != nil || len(call.header) != 0 || stream.headed {
		t.Errorf("of a unary call: %v, %v", call.header, err)
	}
}

// What a transport that does not send says is said as the end of the call.
func TestNativeIsNotSent(t *testing.T) {
	t.Parallel()
	gone := errors.New("the transport is gone")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx  context.Context
		want error
		code connect.Code
	}{
		"gone":       {t.Context(), errGone, connect.CodeUnavailable},
		"cancelled":  {cancelled, context.Canceled, connect.CodeCanceled},
		"a deadline": {expiredContext(t), context.DeadlineExceeded, connect.CodeDeadlineExceeded},
	} {
		for way, send := range map[string]func(*nativeStream) error{
			"an answer": func(s *nativeStream) error {
				s.headed = true
				return s.Send(wrapperspb.Bool(true))
			},
			"the header":        (*nativeStream).SendHeaders,
			"its compression":   func(s *nativeStream) error { s.packed = true; return s.SendHeaders() },
			"an answer with it": func(s *nativeStream) error { s.packed = true; return s.Send(wrapperspb.Bool(true)) },
		} {
			stream := streamOf(t, &wired{refuses: gone}, false)
			stream.within(test.ctx)
			err := send(stream)
			if connect.CodeOf(err) != test.code || test.want != errGone && !errors.Is(err, test.want) || test.want == errGone && !errors.Is(err, gone) { //nolint:errorlint // which case it is
				t.Errorf("%s, %s: %v", name, way, err)
			}
			if stream.info.SendStats.Size != 0 {
				t.Errorf("%s, %s: said to be sent", name, way)
			}
			if strings.HasSuffix(way, "with it") && stream.holding.Load() != 1 {
				t.Errorf("%s, %s: %d hold the call", name, way, stream.holding.Load())
			}
		}
	}
}

// An answer is used again where nothing reads it any more and its buffer is no large one. The
// test runs by itself: what is used again, another call may have at once.
func TestAnswerIsReleased(t *testing.T) {
	for name, test := range map[string]struct {
		capacity int
		reusable bool
		again    bool
	}{
		"small":                        {leastAnswer, true, true},
		"as large as it may be":        {largeBuffer, true, true},
		"larger":                       {largeBuffer + 1, true, false},
		"small, and it is read by one": {leastAnswer, false, false},
	} {
		stream := streamOf(t, &wired{}, false)
		stream.holding.Add(1)
		if err := stream.incoming.send(100); err != nil {
			t.Fatal(err)
		}
		one := &answer{stream: stream, buffer: *bytes.NewBuffer(make([]byte, 0, test.capacity)), data: []byte("x"), counted: 100}
		one.release(test.reusable)
		if again := one.stream == nil && one.data == nil && one.counted == 0; again != test.again {
			t.Errorf("%s: used again: %t", name, again)
		}
		if stream.incoming.charge.unread != 0 || stream.holding.Load() != 1 {
			t.Errorf("%s: %d bytes are counted, and %d hold the call", name, stream.incoming.charge.unread, stream.holding.Load())
		}
	}
	if got := newAnswer(streamOf(t, &wired{}, false)); got.buffer.Cap() < leastAnswer || got.taken == nil {
		t.Errorf("a new answer has room for %d bytes", got.buffer.Cap())
	}
}

// Headers come as the handlers look for them, and go as gRPC can carry them.
func TestNativeMetadata(t *testing.T) {
	t.Parallel()
	stream := streamOf(t, &wired{metadata: map[string][]string{
		":authority": {"api.example"}, ":path": {"/x"}, "x-own": {"a", "b"}, "x-bin": {"\x00\x01"},
	}}, true)
	stream.requestHeader()
	got := maps.Collect(stream.info.RequestHeader().All())
	if want := map[string][]string{"Host": {"api.example"}, "X-Own": {"a", "b"}, "X-Bin": {"AAE"}}; !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("the request has %v, want %v", got, want)
	}
	header := &connect.Header{}
	if outgoing(header) != nil {
		t.Error("no header is one")
	}
	for name, value := range map[string]string{"X-Own": "a", "X-Bin": "AAE", "X Space": "a", "X-Control": "a\x01b", "X-Bad-Bin": "*"} {
		header.Set(name, value)
	}
	if sent, want := outgoing(header), map[string][]string{"x-own": {"a"}, "x-bin": {"\x00\x01"}, "x-bad-bin": {"*"}}; !maps.EqualFunc(sent, want, slices.Equal) {
		t.Errorf("the answer has %q, want %q", sent, want)
	}
	for text, want := range map[string]bool{"az09-_.": true, "": false, "A": false, "a b": false, "a:": false, "a/": false, "a`": false, "a{": false, "é": false} {
		if validName(text) != want {
			t.Errorf("%q is a name: %t", text, !want)
		}
	}
	for text, want := range map[string]bool{"a ~": true, "": true, " a ": true, "a\x1fb": false, "a\x7fb": false, "é": false} {
		if printable(text) != want {
			t.Errorf("%q is a value: %t", text, !want)
		}
	}
}

// Of an error that is not meant for callers they learn its code alone.
func TestNativePublishes(t *testing.T) {
	t.Parallel()
	local := connect.NewError(connect.CodeNotFound, "no such user")
	for name, test := range map[string]struct {
		err  error
		code connect.Code
		text string
	}{
		"of a handler":     {fmt.Errorf("list: %w", local), connect.CodeNotFound, "no such user"},
		"cancelled":        {fmt.Errorf("list: %w", context.Canceled), connect.CodeCanceled, ""},
		"a deadline":       {fmt.Errorf("list: %w", context.DeadlineExceeded), connect.CodeDeadlineExceeded, ""},
		"any other":        {errors.New("a secret"), connect.CodeUnknown, ""},
		"one that is none": {(*connect.Error)(nil), connect.CodeUnknown, ""},
	} {
		if got := published(test.err); got == nil || got.Code() != test.code || got.Message() != test.text {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := published(nil); got != nil {
		t.Errorf("of no error: %v", got)
	}
}

// A connection of the port counts among those of the server, from when it comes until it
// leaves, and is idle where it says so.
func TestNativePlaces(t *testing.T) {
	t.Parallel()
	places := unlimited()
	places.most = 1
	host := nativeHost{connections: places}
	dial := func() net.Conn {
		client, accepted := net.Pipe()
		t.Cleanup(func() { _ = client.Close() })
		return accepted
	}
	first, admitted := host.Admit(dial())
	if !admitted || len(places.open) != 1 {
		t.Fatalf("admitted %t, and %d count", admitted, len(places.open))
	}
	refused := dial()
	if place, admitted := host.Admit(refused); admitted || place != nil {
		t.Errorf("a second one was admitted")
	}
	if _, err := refused.Write([]byte("x")); err == nil {
		t.Error("a connection that was refused is open")
	}
	first.Idle(true)
	if idle := places.idlest(first.(*gathered).network); idle != first {
		t.Error("one that is idle is not found")
	}
	first.Idle(false)
	if idle := places.idlest(first.(*gathered).network); idle != nil {
		t.Error("one that is in use is taken for idle")
	}
	first.Leave()
	if len(places.open) != 0 {
		t.Errorf("%d count after it has left", len(places.open))
	}
}

// A call is refused for its host, for its procedure, for how it is encoded and for room, in
// this order, and the reason says which it was.
func TestNativeRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		authority []string
		unknown   bool
		subtype   string
		budget    int64
		want      *connect.Error
		reason    string
	}{
		"none":         {[]string{"api.example"}, false, "", 1 << 20, nil, ""},
		"no host":      {nil, true, "thrift", 1, errMisdirected, "refused for its host"},
		"another host": {[]string{"evil.example"}, true, "thrift", 1, errMisdirected, "refused for its host, evil.example"},
		"unknown":      {[]string{"api.example"}, true, "thrift", 1, errUnknown, "refused before the gate"},
		"no encoding":  {[]string{"api.example"}, false, "thrift", 1, errContentType, "refused before the gate"},
		"no room":      {[]string{"api.example"}, false, "", 1, errBusy, "refused before the gate"},
	} {
		call := &wired{metadata: map[string][]string{":authority": test.authority}}
		stream := streamOf(t, call, true)
		stream.codec = nil
		call.subtype = test.subtype
		stream.incoming.charge.budget = newBudget(test.budget)
		host := nativeHost{Server: &Server{settings: &settings{hosts: map[string]bool{"api.example": true}}}}
		asked := &procedure{}
		if test.unknown {
			asked = nil
		}
		err := host.refuse(call, stream, asked)
		if err != test.want {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if reason := refusedFor(stream, err); err != nil && reason != test.reason {
			t.Errorf("%s: %q, want %q", name, reason, test.reason)
		}
		stream.incoming.intercepted = true
		if reason := refusedFor(stream, err); reason != "ended by an interceptor before the gate" {
			t.Errorf("%s, by an interceptor: %q", name, reason)
		}
	}
}
