package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiongen"
	"github.com/sallyport-rpc/sallyport/internal/declare/declaretest"
	"github.com/sallyport-rpc/sallyport/server"
)

type text = wrapperspb.StringValue

type streams interface {
	Down(ctx context.Context, call *action.AnonymousCall[text], stream *action.ServerStream[text]) error
	Up(ctx context.Context, stream *action.AnonymousClientStream[text]) (*text, error)
	Both(ctx context.Context, stream *action.AnonymousBidiStream[text, text]) error
}

// echo sends back what comes, three times where it comes once.
type echo struct{ pause time.Duration }

func (e echo) Down(ctx context.Context, call *action.AnonymousCall[text], stream *action.ServerStream[text]) error {
	for range 3 {
		select {
		case <-time.After(e.pause):
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := stream.Send(call.Message()); err != nil {
			return err
		}
	}
	return nil
}

func (e echo) Up(_ context.Context, stream *action.AnonymousClientStream[text]) (*text, error) {
	var all strings.Builder
	for {
		message, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			return wrapperspb.String(all.String()), nil
		}
		if err != nil {
			return nil, err
		}
		all.WriteString(message.GetValue())
	}
}

func (e echo) Both(_ context.Context, stream *action.AnonymousBidiStream[text, text]) error {
	for {
		message, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(message); err != nil {
			return err
		}
	}
}

var shapes = map[string]connect.StreamType{
	"Down": connect.StreamTypeServer, "Up": connect.StreamTypeClient, "Both": connect.StreamTypeBidi,
}

func serveStreams(t *testing.T, pause time.Duration, options ...server.Option) (*served, *records) {
	t.Helper()
	return serveHandlers(t, echo{pause}, options...)
}

func serveHandlers(t *testing.T, handlers streams, options ...server.Option) (*served, *records) {
	t.Helper()
	registry, records := newRegistry(t)
	const message = "google.protobuf.StringValue"
	if err := declaretest.Register(t, registry, actiongen.Service[streams]{
		Descriptor: describe(t, "StreamService", method("Down", message, shapes["Down"]), method("Up", message, shapes["Up"]),
			method("Both", message, shapes["Both"])),
		Methods: []actiongen.Method[streams]{
			actiongen.ServerStreaming("Down", streams.Down),
			actiongen.ClientStreaming("Up", streams.Up),
			actiongen.BidiStreaming("Both", streams.Both),
		},
	}, handlers); err != nil {
		t.Fatal(err)
	}
	return start(t, registry, options...), records
}

// converse opens a stream, sends messages with pauses between them, and returns
// all that came back.
func converse(client *http.Client, base, name string, pause time.Duration, messages []string, options ...connecthttp.Option) (string, error) {
	spec := connect.Spec{Procedure: "/described.v1.StreamService/" + name, StreamType: shapes[name]}
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	stream, err := connect.NewClient(connecthttp.NewTransport(client, base, options...)).CallClientStream(ctx, spec)
	if err != nil {
		return "", err
	}
	defer stream.Close()
	for i, message := range messages {
		if i > 0 {
			time.Sleep(pause)
		}
		if err := stream.Send(wrapperspb.String(message)); err != nil {
			break // Receive says why
		}
	}
	if err := stream.CloseSend(); err != nil {
		return "", err
	}
	var all string
	for {
		var message text
		err := stream.Receive(&message)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all += message.GetValue()
	}
}

var protocols = map[string][]connecthttp.Option{
	"connect": nil, "grpc": {connecthttp.WithGRPC()}, "grpcweb": {connecthttp.WithGRPCWeb()},
}

// The timeouts for one message do not end a stream of them.
func TestStreamsOutliveTimeouts(t *testing.T) {
	t.Parallel()
	served, _ := serveStreams(t, 2*fair, server.WithHeaderTimeout(fair), server.WithReadTimeout(fair),
		server.WithWriteTimeout(fair), server.WithIdleTimeout(fair))
	var all sync.WaitGroup
	defer all.Wait()
	for _, major := range []int{1, 2} {
		for protocol, options := range protocols {
			for name, test := range map[string]struct {
				messages []string
				want     string
			}{
				"Down": {[]string{"a"}, "aaa"},
				"Up":   {[]string{"a", "b", "c"}, "abc"},
				"Both": {[]string{"a", "b", "c"}, "abc"},
			} {
				if name == "Both" && major == 1 {
					continue // connect needs HTTP/2 for it
				}
				client := served.client(t, major)
				all.Go(func() {
					got, err := converse(client, served.url, name, 2*fair, test.messages, options...)
					if err != nil || got != test.want {
						t.Errorf("%s by %s on HTTP/%d: got %q and %v", name, protocol, major, got, err)
					}
				})
			}
		}
	}
}

// A stream has limits of its own.
func TestStreamLimits(t *testing.T) {
	t.Parallel()
	const limit = 100
	for name, test := range map[string]struct {
		option   server.Option
		messages []string
		want     connect.Code
	}{
		"idle":          {server.WithStreamIdleTimeout(short), []string{"a", "b"}, connect.CodeDeadlineExceeded},
		"messages":      {server.WithMaxStreamMessages(2), []string{"a", "b", "c"}, connect.CodeResourceExhausted},
		"bytes":         {server.WithMaxStreamBytes(limit), []string{strings.Repeat("x", 60), strings.Repeat("x", 60)}, connect.CodeResourceExhausted},
		"a large one":   {server.WithMaxMessageBytes(limit), []string{"a", strings.Repeat("x", limit)}, connect.CodeResourceExhausted},
		"none exceeded": {server.WithMaxStreamMessages(2), []string{"a", "b"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			served, _ := serveStreams(t, 0, test.option)
			client := served.client(t, 2)
			var all sync.WaitGroup
			defer all.Wait()
			for protocol, options := range protocols {
				all.Go(func() {
					got, err := converse(client, served.url, "Both", 3*short, test.messages, options...)
					if test.want == 0 && (err != nil || got != "ab") {
						t.Errorf("%s: got %q and %v", protocol, got, err)
					}
					if test.want != 0 && connect.CodeOf(err) != test.want {
						t.Errorf("%s: got %q and %v", protocol, got, err)
					}
				})
			}
		})
	}
}

// A stream that has ended does not wait for what its client still wants to send.
func TestEndedStreamHangsUp(t *testing.T) {
	t.Parallel()
	served, records := serveStreams(t, 0, server.WithReadTimeout(long))
	conn := served.dial(t)
	if _, err := fmt.Fprintf(conn, "POST /described.v1.StreamService/Up HTTP/1.1\r\nHost: x\r\n"+
		"Content-Type: application/grpc-web\r\nContent-Length: 1000\r\n\r\n%s", envelope(0, 1, "x")); err != nil {
		t.Fatal(err)
	}
	if said := hungUp(t, conn); !strings.Contains(said, "Grpc-Status: 3") {
		t.Errorf("the server said %q", said)
	}
	if got := records.take(); len(got) != 1 || got[0].Code != connect.CodeInvalidArgument {
		t.Errorf("decided %+v", got)
	}
}
