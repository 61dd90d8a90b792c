package action_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/sallyport-rpc/sallyport/action/actionserver"
	"github.com/sallyport-rpc/sallyport/action/event"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
)

// TestLaterMessages sends a good first message and then a bad one. The handler never
// sees the bad one, and the stream ends as the gate says, for all that the handler makes
// of it.
func TestLaterMessages(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	invalid := secretive()
	invalid.Secret = strings.Repeat(planted, 100)
	undecidable := secretive()
	undecidable.Lookup = planted
	strange := secretive()
	strange.Owner = "another"
	asAlice := func(want refused) refused {
		want.principal, want.scheme = "alice", "session"
		return want
	}
	denied := asAlice(refused{code: connect.CodePermissionDenied, text: textDenied, stage: event.StageAuthorize, reason: "no grant holds"})
	for _, test := range []struct {
		name    string
		methods []string
		bad     any
		want    refused
	}{
		{
			name: "malformed", methods: []string{"CollectOpen", "CollectFirst", "ChatEvery"}, bad: raw("\x0a\xff" + planted),
			want: asAlice(refused{code: connect.CodeInvalidArgument, stage: event.StageDecode, reason: "the request could not be read: invalid_argument"}),
		},
		{
			name: "invalid", methods: []string{"CollectOpen", "CollectFirst", "CollectEvery", "ChatOpen", "ChatFirst", "ChatEvery"}, bad: invalid,
			want: asAlice(refused{code: connect.CodeInvalidArgument, stage: event.StageValidate, reason: "secret: string.max_len", rules: []string{"string.max_len"}}),
		},
		{
			name: "undecidable", methods: []string{"CollectOpen", "CollectFirst", "CollectEvery", "ChatOpen", "ChatFirst", "ChatEvery"}, bad: undecidable,
			want: asAlice(refused{code: connect.CodeInternal, text: textInternal, stage: event.StageValidate, reason: "a fault", fault: true}),
		},
		{name: "not allowed", methods: []string{"CollectEvery", "ChatEvery"}, bad: strange, want: denied},
		{
			name: "invalid, without a principal", methods: []string{"CollectPublicOpen", "ChatPublicFirst", "ChatPublicEvery"}, bad: invalid,
			want: refused{code: connect.CodeInvalidArgument, stage: event.StageValidate, reason: "secret: string.max_len", rules: []string{"string.max_len"}},
		},
	} {
		fixture.alone(t, test.name, func(t *testing.T) {
			for _, ending := range endings {
				for _, method := range test.methods {
					fixture.alone(t, ending.name+"/"+method, func(t *testing.T) {
						received := fixture.endWith(t, ending, test.want.code)
						for _, way := range []way{fixture.ways[0], fixture.ways[len(fixture.ways)-1]} {
							want := test.want
							if way.name == "in-process" && want.stage == event.StageDecode {
								want.reason = "the request could not be read"
							}
							got := fixture.ask(t.Context(), way, stream(method), as("session", "alice"), owned("alice"), test.bad, owned("alice"))
							if owners := <-received; fmt.Sprint(owners) != "[alice]" {
								t.Errorf("the handler received %q, want alice's alone", owners)
							}
							_, decisions := fixture.take()
							denials := slices.DeleteFunc(decisions, func(d event.Decision) bool { return d.Outcome == event.Allow })
							if len(denials) != 1 {
								t.Fatalf("got %d denials, want 1", len(denials))
							}
							expectDecision(t, denials[0], want)
							got.responses = nil // a stream of both may have answered the first
							expectError(t, got, want)
						}
					})
				}
			}
		})
	}
	fixture.alone(t, "allowed by the first message", func(t *testing.T) {
		*fixture.handlers = handlers{recorder: fixture.recorder}
		for _, procedure := range []string{stream("CollectFirst"), stream("ChatFirst")} {
			got := fixture.ask(t.Context(), fixture.ways[0], procedure, as("session", "alice"), owned("alice"), strange)
			if got.err != nil {
				t.Error(got.err)
			}
			fixture.expect(t, "ask session", "allow at handle", "handle", "receive alice", "receive another")
		}
	})
}

// An ending is what a handler does once its stream was ended by the gate.
type ending struct {
	name string
	does func(in receiver) error
}

var endings = []ending{
	{"swallows the error", func(receiver) error { return nil }},
	{"receives on", func(in receiver) error {
		for range 3 {
			if request, err := in.Receive(); err == nil || request != nil {
				return fmt.Errorf("received %v, %w", request, err)
			}
		}
		return nil
	}},
	{"sends on", func(in receiver) error {
		if in, ok := in.(talker); ok {
			if err := in.Send(&testv1.Response{Caller: "more"}); err == nil {
				return errors.New("could send")
			}
		}
		return nil
	}},
	{"returns an error of its own", func(receiver) error { return connect.NewError(connect.CodeAlreadyExists, planted) }},
	{"panics", func(receiver) error { panic("a handler's own") }},
}

// endWith has handlers receive until an error and end as said. What each received is
// sent to the channel.
func (h *fixture) endWith(t *testing.T, ending ending, code connect.Code) <-chan []string {
	t.Helper()
	received := make(chan []string, 1)
	run := func(ctx context.Context, in receiver) error {
		var owners []string
		defer func() { received <- owners }()
		for {
			request, err := in.Receive()
			if err != nil {
				if connect.CodeOf(err) != code || request != nil {
					t.Errorf("the handler is told %v %v, want %s", request, err, code)
				}
				if cause := context.Cause(ctx); ctx.Err() == nil || connect.CodeOf(cause) != code {
					t.Errorf("the handler's context has ended with %v, want %s", cause, code)
				}
				return ending.does(in)
			}
			owners = append(owners, request.GetOwner())
		}
	}
	h.handlers.collect = func(ctx context.Context, in receiver) (*testv1.Response, error) {
		return &testv1.Response{}, run(ctx, in)
	}
	h.handlers.chat = func(ctx context.Context, in talker) error { return run(ctx, in) }
	return received
}

// TestNoMessages opens streams of requests and ends them without one. They are
// authenticated and authorized all the same.
func TestNoMessages(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	denied := refused{
		code: connect.CodePermissionDenied, text: textDenied, stage: event.StageAuthorize, reason: "no grant holds", principal: "alice", scheme: "session",
	}
	for _, shape := range []string{"Collect", "Chat"} {
		fixture.alone(t, shape, func(t *testing.T) {
			for _, way := range []way{fixture.ways[0], fixture.ways[4], fixture.ways[len(fixture.ways)-1]} {
				fixture.alone(t, way.name, func(t *testing.T) {
					for _, when := range []string{"Open", "First", "Every"} {
						fixture.expectRefused(t, fixture.ask(t.Context(), way, stream(shape+when), ""), noCredential)
						got := fixture.ask(t.Context(), way, stream(shape+"Public"+when), "")
						fixture.expect(t, "allow at handle", "handle")
						if got.err != nil {
							t.Errorf("Public%s: %v", when, got.err)
						}
					}
					// A grant that reads the request holds of none.
					fixture.expectRefused(t, fixture.ask(t.Context(), way, stream(shape+"First"), as("session", "alice")), denied)
					fixture.expectRefused(t, fixture.ask(t.Context(), way, stream(shape+"Every"), as("session", "alice")), denied)
					if got := fixture.ask(t.Context(), way, stream(shape+"Open"), as("session", "alice")); got.err != nil {
						t.Errorf("Open: %v", got.err)
					}
					fixture.expect(t, "ask session", "allow at handle", "handle")
				})
			}
		})
	}
}

// TestEndIsTheEnd receives after the end of a stream, again and again.
func TestEndIsTheEnd(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	fixture.handlers.collect = func(_ context.Context, in receiver) (*testv1.Response, error) {
		for i := range 4 {
			request, err := in.Receive()
			if (i == 0) != (err == nil) || (i > 0 && (!errors.Is(err, io.EOF) || request != nil)) {
				t.Errorf("message %d: %v, %v", i, request, err)
			}
		}
		return &testv1.Response{}, nil
	}
	for _, when := range []string{"Open", "First", "Every"} {
		fixture.through(t, stream("Collect"+when), func(t *testing.T, way way) {
			if got := fixture.ask(t.Context(), way, stream("Collect"+when), as("session", "alice"), owned("alice")); got.err != nil {
				t.Error(got.err)
			}
		})
	}
}

// TestExpiresBeforeFirstMessage opens a stream with a credential that ends before the
// first message comes. What counts is when the caller is let through.
func TestExpiresBeforeFirstMessage(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	spec := fixture.specs[stream("ChatFirst")]
	ctx, info := connect.NewClientContext(t.Context())
	info.RequestHeader().Set("Authorization", as("session", "alice"))
	client := must(fixture.ways[0].client.CallClientStream(ctx, spec))
	defer client.Close()
	if err := client.SendHeaders(); err != nil {
		t.Fatal(err)
	}
	later := noon.Add(2 * time.Hour)
	fixture.now.Store(&later)
	if err := client.Send(owned("alice")); err != nil {
		t.Fatal(err)
	}
	err := client.Receive(new(testv1.Response))
	fixture.expectRefused(t, answer{err: err, challenge: info.ResponseHeader().Values("WWW-Authenticate")}, refused{
		code: connect.CodeUnauthenticated, text: textUnauthenticated, stage: event.StageAuthenticate, reason: "the credential has expired",
		principal: "alice", scheme: "session",
	})
}

// TestTruncated cuts a stream of requests short in the middle of a message. Its
// handler must not take that for the end of the stream.
func TestTruncated(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	ends := make(chan error, 1)
	fixture.handlers.collect = func(_ context.Context, in receiver) (*testv1.Response, error) {
		var err error
		for err == nil {
			_, err = in.Receive()
		}
		ends <- err
		return &testv1.Response{Caller: "done"}, nil
	}
	message := string(must(protojson.Marshal(owned("alice"))))
	envelope := func(size int, body string) string {
		return string(binary.BigEndian.AppendUint32([]byte{0}, uint32(size))) + body
	}
	whole := envelope(len(message), message)
	for _, test := range []struct {
		name, body string
		missing    int // bytes of the body that are announced and do not come
		whole      bool
	}{
		{name: "whole", body: whole + whole, whole: true},
		{name: "in a message", body: whole + envelope(len(message), message[:5])},
		{name: "in a prefix", body: whole + whole[:3]},
		{name: "at a prefix", body: whole + whole[:5]},
		{name: "between messages, by a connection that breaks", body: whole, missing: len(whole)},
		{name: "in a message, by a connection that breaks", body: whole + whole[:10], missing: 10},
		{name: "with a flag of no meaning", body: whole + "\x40" + whole[1:]},
	} {
		fixture.alone(t, test.name, func(t *testing.T) {
			connection := must(net.Dial("tcp", must(url.Parse(fixture.url)).Host))
			defer connection.Close()
			fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Type: application/connect+json\r\nAuthorization: %s\r\nContent-Length: %d\r\n\r\n%s",
				stream("CollectOpen"), as("session", "alice"), len(test.body)+test.missing, test.body)
			if test.missing > 0 { // else net/http may take it for a client that went away
				connection.(*net.TCPConn).CloseWrite()
			}
			err := <-ends
			if errors.Is(err, io.EOF) != test.whole {
				t.Errorf("the handler's stream ends with %v", err)
			}
			answer := string(must(io.ReadAll(connection)))
			if strings.Contains(answer, `"caller"`) != test.whole {
				t.Errorf("the answer is %q", answer)
			}
		})
	}
}

// TestBothWays has a handler receive and send at once, from two goroutines.
func TestBothWays(t *testing.T) {
	t.Parallel()
	const messages = 50
	fixture := newFixture(t)
	fixture.handlers.chat = func(_ context.Context, in talker) error {
		var sending sync.WaitGroup
		defer sending.Wait()
		sending.Go(func() {
			for range messages {
				if err := in.Send(&testv1.Response{Caller: "alice"}); err != nil {
					t.Error(err)
					return
				}
			}
		})
		for range messages {
			if _, err := in.Receive(); err != nil {
				return err
			}
		}
		return nil
	}
	var all []any
	for range messages {
		all = append(all, owned("alice"))
	}
	for _, when := range []string{"Open", "First", "Every"} {
		fixture.through(t, stream("Chat"+when), func(t *testing.T, way way) {
			got := fixture.ask(t.Context(), way, stream("Chat"+when), as("session", "alice"), all...)
			if got.err != nil || len(got.responses) != messages {
				t.Errorf("got %d responses, %v", len(got.responses), got.err)
			}
		})
	}
}

// TestAfterTheHandler uses a stream once its handler has returned, as a goroutine may
// that was left behind.
func TestAfterTheHandler(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	streams := make(chan talker, 1)
	fixture.handlers.chat = func(_ context.Context, in talker) error {
		streams <- in
		return nil
	}
	fixture.through(t, stream("ChatEvery"), func(t *testing.T, way way) {
		if got := fixture.ask(t.Context(), way, stream("ChatEvery"), as("session", "alice"), owned("alice"), owned("alice")); got.err != nil {
			t.Error(got.err)
		}
		fixture.take()
		left := <-streams
		if err := left.Send(&testv1.Response{}); connect.CodeOf(err) != connect.CodeCanceled {
			t.Errorf("Send: %v", err)
		}
		// The gate has read the first message before the handler ran.
		if request, err := left.Receive(); request != nil || connect.CodeOf(err) != connect.CodeCanceled {
			t.Errorf("Receive: %v, %v", request, err)
		}
		fixture.expect(t)
	})
}

// TestReceivePanics has the transport panic while it reads a later message.
func TestReceivePanics(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	server := connect.NewServer()
	server.Register(must(fixture.registry.Methods())...)
	for _, procedure := range []string{stream("CollectEvery"), stream("ChatOpen"), stream("CollectPublicFirst")} {
		info := new(connect.CallInfo)
		info.RequestHeader().Set("Authorization", as("session", "alice"))
		err := server.Call(t.Context(), procedure, info, &panicking{after: 2})
		if connect.CodeOf(err) != connect.CodeInternal || strings.Contains(err.Error(), planted) {
			t.Errorf("%s: got %v", procedure, err)
		}
		_, decisions := fixture.take()
		last := decisions[len(decisions)-1]
		if last.Outcome != event.Deny || last.Stage != event.StageDecode || last.Err == nil || !strings.Contains(last.Err.Error(), "panicking).Receive") {
			t.Errorf("%s: the decision is %+v", procedure, last)
		}
	}
}

// panicking is a stream of good messages, until it panics.
type panicking struct{ after int }

func (p *panicking) Receive(message any) error {
	if p.after--; p.after < 0 {
		panic(planted)
	}
	message.(*testv1.Request).Owner = "alice"
	return nil
}
func (*panicking) SendHeaders() error { return nil }
func (*panicking) Send(any) error     { return nil }

// TestCallerLeaves breaks a stream off while its handler waits for a message.
func TestCallerLeaves(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	left := make(chan error, 1)
	fixture.handlers.chat = func(ctx context.Context, in talker) error {
		if err := in.Send(&testv1.Response{}); err != nil {
			return err
		}
		for {
			if _, err := in.Receive(); err != nil {
				<-ctx.Done()
				left <- err
				return err
			}
		}
	}
	for _, way := range []way{fixture.ways[0], fixture.ways[4], fixture.ways[len(fixture.ways)-1]} {
		fixture.alone(t, way.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			ctx, info := connect.NewClientContext(ctx)
			info.RequestHeader().Set("Authorization", as("session", "alice"))
			client := must(way.client.CallClientStream(ctx, fixture.specs[stream("ChatEvery")]))
			if err := client.Send(owned("alice")); err != nil {
				t.Fatal(err)
			}
			if err := client.Receive(new(testv1.Response)); err != nil {
				t.Fatal(err)
			}
			cancel()
			client.Close()
			if err := <-left; errors.Is(err, io.EOF) || connect.CodeOf(err) != connect.CodeCanceled {
				t.Errorf("the handler is told %v", err)
			}
		})
	}
}

// TestStreamOverHTTP1 asks for a stream of both by a protocol that cannot carry one.
func TestStreamOverHTTP1(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	response, err := http.Post(fixture.url+stream("ChatPublicOpen"), "application/connect+json", strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusHTTPVersionNotSupported {
		t.Errorf("got %s", response.Status)
	}
	fixture.expect(t)
}

// TestStreamControlWithin has the handler of a limited stream call another stream,
// with its own context. What a server lends to one is not lent to the other.
func TestStreamControlWithin(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	inProcess := fixture.ways[len(fixture.ways)-1]
	var inner answer
	fixture.handlers.chat = func(ctx context.Context, _ talker) error {
		inner = fixture.ask(ctx, inProcess, stream("CollectOpen"), as("session", "alice"), owned("a"), owned("b"), owned("c"))
		return nil
	}
	ctx := actionserver.WithStreamControl(t.Context(), &actionserver.StreamControl{MaxMessages: 1})
	if got := fixture.ask(ctx, inProcess, stream("ChatFirst"), as("session", "alice"), owned("alice")); got.err != nil {
		t.Error(got.err)
	}
	if inner.err != nil {
		t.Errorf("the stream within: %v", inner.err)
	}
}
