package action_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"connectrpc.com/connect/v2/connectinprocess"
	"connectrpc.com/connect/v2/connectproto"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1client"
)

// readMaxBytes is how large a message a [fixture] reads.
const readMaxBytes = 1 << 16

// A fixture is a registry with the test services in it, served in every way there is.
// All that its steps do goes to its recorder.
type fixture struct {
	*recorder

	registry *action.Registry
	handlers *handlers
	session  *fakeAuthenticator
	bearer   *fakeAuthenticator
	now      *atomic.Pointer[time.Time]
	url      string
	specs    map[string]connect.Spec
	ways     []way
}

// A way is one way in.
type way struct {
	name   string
	get    bool // serves only what has no side effects
	client *connect.Client
}

func newFixture(tb testing.TB, options ...action.RegistryOption) *fixture {
	tb.Helper()
	recorder := &recorder{}
	h := &fixture{
		recorder: recorder,
		handlers: &handlers{recorder: recorder},
		session:  &fakeAuthenticator{recorder: recorder, scheme: "session"},
		bearer:   &fakeAuthenticator{recorder: recorder, scheme: "bearer"},
		now:      &atomic.Pointer[time.Time]{},
		specs:    map[string]connect.Spec{},
	}
	h.now.Store(&noon)
	options = append([]action.RegistryOption{
		action.WithRecorder(recorder),
		actiontest.WithClock(tb, func() time.Time { return *h.now.Load() }),
	}, options...)
	h.registry = must(action.NewRegistry(authn.Schemes{"session": h.session, "bearer": h.bearer}, options...))
	if err := errors.Join(
		testv1action.RegisterUnaryService(h.registry, h.handlers, h.handlers),
		testv1action.RegisterStreamService(h.registry, h.handlers),
	); err != nil {
		tb.Fatal(err)
	}
	h.open(tb, must(h.registry.Methods()))
	return h
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// open serves methods over real connections and in process until the test ends.
func (h *fixture) open(tb testing.TB, methods []connect.Method) {
	tb.Helper()
	for _, method := range methods {
		h.specs[method.Spec.Procedure] = method.Spec
	}
	server := connect.NewServer()
	server.Register(methods...)
	mux := http.NewServeMux()
	connecthttp.Mount(mux, server, connecthttp.WithReadMaxBytes(readMaxBytes))
	listener := httptest.NewUnstartedServer(mux)
	listener.Config.Protocols = new(http.Protocols)
	listener.Config.Protocols.SetHTTP1(true)
	listener.Config.Protocols.SetUnencryptedHTTP2(true)
	listener.Start()
	tb.Cleanup(listener.Close)
	h.url = listener.URL

	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	tb.Cleanup(transport.CloseIdleConnections)
	over := func(options ...connecthttp.Option) *connect.Client {
		options = append(options, connecthttp.WithCodecs(
			rawCodec{connectproto.NewBinaryCodec()}, rawCodec{connectproto.NewJSONCodec()}))
		return connect.NewClient(connecthttp.NewTransport(&http.Client{Transport: transport}, h.url, options...))
	}
	h.ways = []way{
		{name: "connect", client: over()},
		{name: "connect-json", client: over(connecthttp.WithProtoJSON())},
		{name: "connect-get", get: true, client: over(connecthttp.WithHTTPGet())},
		{name: "connect-json-get", get: true, client: over(connecthttp.WithHTTPGet(), connecthttp.WithProtoJSON())},
		{name: "grpc", client: over(connecthttp.WithGRPC())},
		{name: "grpc-json", client: over(connecthttp.WithGRPC(), connecthttp.WithProtoJSON())},
		{name: "grpc-web", client: over(connecthttp.WithGRPCWeb())},
		{name: "in-process", client: connect.NewClient(connectinprocess.New(server))},
	}
}

// alone runs a subtest. It is not parallel to others: they share a recorder.
func (h *fixture) alone(t *testing.T, name string, test func(*testing.T)) {
	t.Helper()
	t.Run(name, test)
}

// through runs a test for every way into an action.
func (h *fixture) through(t *testing.T, procedure string, test func(*testing.T, way)) {
	t.Helper()
	spec := h.specs[procedure]
	for _, way := range h.ways {
		if way.get && (spec.StreamType != connect.StreamTypeUnary || spec.IdempotencyLevel != connect.IdempotencyNoSideEffects) {
			continue
		}
		h.alone(t, way.name, func(t *testing.T) { test(t, way) })
	}
}

// unary and stream name the procedures of the test services.
func unary(method string) string  { return "/" + testv1client.UnaryServiceName + "/" + method }
func stream(method string) string { return "/" + testv1client.StreamServiceName + "/" + method }

// raw is a message that is sent as it stands, with every codec.
type raw string

type rawCodec struct{ connect.StableCodec }

func (c rawCodec) MarshalWrite(ctx context.Context, to io.Writer, message any) error {
	if text, ok := message.(raw); ok {
		_, err := io.WriteString(to, string(text))
		return err
	}
	return c.StableCodec.MarshalWrite(ctx, to, message)
}

func (c rawCodec) MarshalWriteStable(ctx context.Context, to io.Writer, message any) error {
	if text, ok := message.(raw); ok {
		_, err := io.WriteString(to, string(text))
		return err
	}
	return c.StableCodec.MarshalWriteStable(ctx, to, message)
}

// An answer is what a caller gets.
type answer struct {
	responses []*testv1.Response
	challenge []string
	err       error
}

// ask makes a call with the Authorization header given, sends all requests, and reads
// until the end.
func (h *fixture) ask(ctx context.Context, way way, procedure, authorization string, requests ...any) answer {
	spec := h.specs[procedure]
	ctx, info := connect.NewClientContext(ctx)
	if authorization != "" {
		info.RequestHeader().Set("Authorization", authorization)
	}
	var got answer
	if spec.StreamType == connect.StreamTypeUnary {
		response := new(testv1.Response)
		if got.err = way.client.CallUnary(ctx, spec, requests[0], response); got.err == nil {
			got.responses = append(got.responses, response)
		}
	} else {
		got = converse(ctx, way.client, spec, requests)
	}
	// A gRPC response of trailers alone has the headers among them.
	got.challenge = append(info.ResponseHeader().Values("WWW-Authenticate"), info.ResponseTrailer().Values("WWW-Authenticate")...)
	return got
}

func converse(ctx context.Context, client *connect.Client, spec connect.Spec, requests []any) answer {
	stream, err := client.CallClientStream(ctx, spec)
	if err != nil {
		return answer{err: err}
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for _, request := range requests {
			if stream.Send(request) != nil {
				return // the answer says why
			}
		}
		stream.CloseSend()
	}()
	defer func() { <-sent }()
	defer stream.Close()
	var got answer
	for {
		response := new(testv1.Response)
		if err := stream.Receive(response); errors.Is(err, io.EOF) {
			return got
		} else if err != nil {
			got.err = err
			return got
		}
		got.responses = append(got.responses, response)
	}
}

// owned returns a valid request for an owner's own.
func owned(owner string) *testv1.Request { return &testv1.Request{Owner: owner} }

// methodName returns the part of a procedure after the service.
func methodName(procedure string) string { return procedure[strings.LastIndexByte(procedure, '/')+1:] }
