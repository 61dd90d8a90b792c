package client_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/client"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1client"
	"github.com/sallyport-rpc/sallyport/server"
)

// prompt is how soon a test must see what it waits for.
const prompt = 30 * time.Second

// A fixture has handlers that name their caller, and streams that end after one
// response or, if held is not nil, with their context.
type fixture struct {
	testv1action.UnaryServiceHandler
	testv1action.StreamServiceHandler

	// silent keeps the headers of a held WatchOpen back.
	silent bool
	began  chan struct{}
	held   chan error // gets what ended a held handler
}

func (*fixture) Public(context.Context, *action.AnonymousCall[testv1.Request]) (*testv1.Response, error) {
	return &testv1.Response{}, nil
}

func (*fixture) Anyone(_ context.Context, call *action.Call[testv1.Request]) (*testv1.Response, error) {
	return &testv1.Response{Caller: call.Principal().ID()}, nil
}

func (*fixture) Read(_ context.Context, call *action.Call[testv1.Request]) (*testv1.Response, error) {
	return &testv1.Response{Caller: call.Principal().ID()}, nil
}

func (f *fixture) WatchOpen(ctx context.Context, call *action.Call[testv1.Request], out *action.ServerStream[testv1.Response]) error {
	if f.held != nil {
		if !f.silent {
			if err := out.SendHeaders(); err != nil {
				return err
			}
		}
		return f.hold(ctx)
	}
	return out.Send(&testv1.Response{Caller: call.Principal().ID()})
}

func (f *fixture) CollectOpen(_ context.Context, in *action.ClientStream[testv1.Request]) (*testv1.Response, error) {
	for {
		_, err := in.Receive()
		switch {
		case errors.Is(err, io.EOF) && f.held == nil:
			return &testv1.Response{Caller: in.Principal().ID()}, nil
		case err != nil && f.held != nil:
			f.held <- err // over HTTP/1.1 only who reads learns that the client is gone
			return nil, err
		case err != nil:
			return nil, err
		case f.held != nil:
			select {
			case f.began <- struct{}{}:
			default:
			}
		}
	}
}

func (f *fixture) ChatOpen(ctx context.Context, stream *action.BidiStream[testv1.Request, testv1.Response]) error {
	if f.held != nil {
		return f.hold(ctx)
	}
	if _, err := stream.Receive(); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return stream.Send(&testv1.Response{Caller: stream.Principal().ID()})
}

func (f *fixture) hold(ctx context.Context) error {
	f.began <- struct{}{}
	<-ctx.Done()
	f.held <- ctx.Err()
	return ctx.Err()
}

// serve serves a fixture until the test ends, and returns its URL. Its callers name
// themselves by "Authorization: Bearer NAME", and every role is theirs.
func serve(t *testing.T, fixture *fixture) string {
	t.Helper()
	registry, err := action.NewRegistry(authn.Schemes{"session": named{}, "bearer": named{}},
		action.WithRecorder(event.LogRecorder(slog.New(slog.DiscardHandler))))
	if err != nil {
		t.Fatal(err)
	}
	if err := testv1action.RegisterUnaryService(registry, fixture, checks{}); err != nil {
		t.Fatal(err)
	}
	if err := testv1action.RegisterStreamService(registry, fixture); err != nil {
		t.Fatal(err)
	}
	return listen(t, registry)
}

// named authenticates callers by the name that they give.
type named struct{}

func (named) Authenticate(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	name, ok := strings.CutPrefix(call.RequestHeader().Get("Authorization"), "Bearer ")
	if !ok {
		return nil, authn.ErrNoCredential
	}
	return authn.NewPrincipal(name, authn.Details{Unscoped: true, Roles: []string{testv1client.RoleOwner}, AuthenticatedAt: time.Now()}), nil
}

func (named) ReportsAuthenticationTime() bool { return true }

// listen serves a registry until the test ends.
func listen(t *testing.T, registry *action.Registry) string {
	t.Helper()
	srv, err := server.New(registry, server.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	// A test's own context ends before its clean-up.
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return "http://" + listener.Addr().String()
}

type checks struct{}

func (checks) CheckedIsOpen(context.Context, *authn.Principal, *testv1.Request) (bool, error) {
	return false, nil
}

// ways are the ways to call streams, by the HTTP that they need.
var ways = []struct {
	name    string
	major   int // of HTTP
	options []connecthttp.Option
}{
	{"Connect over HTTP/1.1", 1, nil},
	{"Connect over HTTP/2", 2, nil},
	{"JSON over HTTP/2", 2, []connecthttp.Option{connecthttp.WithProtoJSON()}},
	{"gRPC", 2, []connecthttp.Option{connecthttp.WithGRPC()}},
	{"gRPC-Web over HTTP/1.1", 1, []connecthttp.Option{connecthttp.WithGRPCWeb()}},
	{"gRPC-Web over HTTP/2", 2, []connecthttp.Option{connecthttp.WithGRPCWeb()}},
}

// A stream that has ended says io.EOF itself, and goes on saying so.
func TestEndOfStream(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			streams := dial(t, serve(t, &fixture{}), way.major, way.options...)
			watch, err := streams.WatchOpen(t.Context(), &testv1.Request{Owner: "alice"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := watch.Receive(); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, err := watch.Receive(); err != io.EOF { //nolint:errorlint // io.EOF itself is what is promised
					t.Errorf("server stream: got %v", err)
				}
			}
			watch.Close()
			watch.Close()
			if way.major == 1 {
				return // which has no stream in both directions
			}
			chat, err := streams.ChatOpen(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer chat.Close()
			if err := chat.Send(&testv1.Request{Owner: "alice"}); err != nil {
				t.Fatal(err)
			}
			if _, err := chat.Receive(); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, err := chat.Receive(); err != io.EOF { //nolint:errorlint // as above
					t.Errorf("bidi stream: got %v", err)
				}
				if err := chat.Send(&testv1.Request{Owner: "alice"}); err != io.EOF { //nolint:errorlint // as above
					t.Errorf("bidi stream: sent after the end: %v", err)
				}
			}
			if err := chat.CloseSend(); err != nil {
				t.Errorf("bidi stream: closed after the end: %v", err)
			}
		})
	}
}

// What denies a stream comes out of Receive, and is no io.EOF.
func TestStreamIsDenied(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			url := serve(t, &fixture{})
			connection, err := client.New(url, client.WithTransportOptions(way.options...), client.WithHTTPClient(transport(t, way.major)))
			if err != nil {
				t.Fatal(err)
			}
			streams := testv1client.NewStreamServiceClient(connection)
			watch, err := streams.WatchOpen(t.Context(), &testv1.Request{Owner: "alice"})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, err := watch.Receive(); connect.CodeOf(err) != connect.CodeUnauthenticated || errors.Is(err, io.EOF) {
					t.Errorf("server stream: got %v", err)
				}
			}
			if way.major == 1 {
				return // Go's client reports that it could not send, and not what it was answered
			}
			collect, err := streams.CollectOpen(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := sendUntilEnd(collect.Send); err != io.EOF { //nolint:errorlint // io.EOF itself is what is promised
				t.Errorf("client stream: sent to its end: %v", err)
			}
			if _, err := collect.CloseAndReceive(); connect.CodeOf(err) != connect.CodeUnauthenticated {
				t.Errorf("client stream: got %v", err)
			}
		})
	}
}

func sendUntilEnd(send func(*testv1.Request) error) error {
	for deadline := time.Now().Add(prompt); time.Now().Before(deadline); {
		if err := send(&testv1.Request{Owner: "alice"}); err != nil {
			return err
		}
	}
	return nil
}

// A client that gives its requests up has not ended them: what a handler received is not
// taken for complete.
func TestGivenUpIsIncomplete(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			held := &fixture{began: make(chan struct{}, 1), held: make(chan error, 1)}
			streams := dial(t, serve(t, held), way.major, way.options...)
			for range 20 {
				stream, err := streams.CollectOpen(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if err := stream.Send(&testv1.Request{Owner: "alice"}); err != nil {
					t.Fatal(err)
				}
				await(t, held.began)
				stream.Close()
				if err := await(t, held.held); err == nil || errors.Is(err, io.EOF) {
					t.Fatalf("the handler received %v", err)
				}
			}
		})
	}
}

// A client that gives a stream up reaches the handler at once, by cancelling the context
// of the call or by closing the stream, also while it waits for the first response.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		for shape, begin := range shapes {
			for _, how := range []string{"cancelled", "closed"} {
				if way.major == 1 && shape == "bidi stream" {
					continue
				}
				t.Run(way.name+"/"+shape+"/"+how, func(t *testing.T) {
					t.Parallel()
					held := &fixture{began: make(chan struct{}, 1), held: make(chan error, 1)}
					streams := dial(t, serve(t, held), way.major, way.options...)
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					received, closeStream, err := begin(ctx, streams)
					if err != nil {
						t.Fatal(err)
					}
					await(t, held.began)
					if how == "closed" {
						closeStream()
					} else {
						cancel()
					}
					if err := await(t, held.held); !errors.Is(err, context.Canceled) && connect.CodeOf(err) != connect.CodeCanceled {
						t.Errorf("the handler ended with %v", err)
					}
					if err := await(t, received); connect.CodeOf(err) != connect.CodeCanceled && !errors.Is(err, context.Canceled) {
						t.Errorf("the client received %v", err)
					}
				})
			}
		}
	}
}

// shapes begin a stream of each shape, and receive on it.
var shapes = map[string]func(context.Context, testv1client.StreamServiceClient) (chan error, func(), error){
	"server stream": func(ctx context.Context, streams testv1client.StreamServiceClient) (chan error, func(), error) {
		stream, err := streams.WatchOpen(ctx, &testv1.Request{Owner: "alice"})
		if err != nil {
			return nil, nil, err
		}
		return receiving(stream.Receive), stream.Close, nil
	},
	"client stream": func(ctx context.Context, streams testv1client.StreamServiceClient) (chan error, func(), error) {
		stream, err := streams.CollectOpen(ctx)
		if err != nil {
			return nil, nil, err
		}
		return receiving(func() (*testv1.Response, error) {
			if err := sendUntilEnd(stream.Send); err == nil {
				return nil, errors.New("it can still be sent to")
			}
			return stream.CloseAndReceive()
		}), stream.Close, nil
	},
	"bidi stream": func(ctx context.Context, streams testv1client.StreamServiceClient) (chan error, func(), error) {
		stream, err := streams.ChatOpen(ctx)
		if err != nil {
			return nil, nil, err
		}
		if err := stream.Send(&testv1.Request{Owner: "alice"}); err != nil {
			return nil, nil, err
		}
		return receiving(stream.Receive), stream.Close, nil
	},
}

func receiving(receive func() (*testv1.Response, error)) chan error {
	received := make(chan error, 1)
	go func() {
		_, err := receive()
		received <- err
	}()
	return received
}

// A server stream whose server sends no headers is still being opened. Cancelling the
// call ends that.
func TestOpeningGivenUp(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			held := &fixture{silent: true, began: make(chan struct{}, 1), held: make(chan error, 1)}
			streams := dial(t, serve(t, held), way.major, way.options...)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			opened := make(chan error, 1)
			go func() {
				stream, err := streams.WatchOpen(ctx, &testv1.Request{Owner: "alice"})
				if err == nil {
					_, err = stream.Receive()
				}
				opened <- err
			}()
			await(t, held.began)
			cancel()
			if err := await(t, held.held); !errors.Is(err, context.Canceled) {
				t.Errorf("the handler's context ended with %v", err)
			}
			if err := await(t, opened); connect.CodeOf(err) != connect.CodeCanceled && !errors.Is(err, context.Canceled) {
				t.Errorf("the client received %v", err)
			}
		})
	}
}

func await[T any](t *testing.T, from chan T) T {
	t.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(prompt):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// dial returns a client of streams that calls as alice.
func dial(t *testing.T, url string, major int, options ...connecthttp.Option) testv1client.StreamServiceClient {
	t.Helper()
	connection, err := client.New(url, client.WithToken("alice"), client.WithTransportOptions(options...), client.WithHTTPClient(transport(t, major)))
	if err != nil {
		t.Fatal(err)
	}
	return testv1client.NewStreamServiceClient(connection)
}
