package grpcserver_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/server"
	"github.com/sallyport-rpc/sallyport/server/grpcserver"
)

// TestMain fails when a test leaves a goroutine of a server or a connection behind.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if left := leftOver(10 * time.Second); left != "" {
			fmt.Fprintln(os.Stderr, "goroutines left over:\n"+left)
			code = 1
		}
	}
	os.Exit(code)
}

// leftOver returns the stacks of goroutines that serve or call, once they have had time
// to end.
func leftOver(patience time.Duration) string {
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		stacks := make([]byte, 4<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		var left []string
		for stack := range strings.SplitSeq(string(stacks), "\n\n") {
			if strings.Contains(stack, "TestMain") {
				continue
			}
			if strings.Contains(stack, "net/http.") || strings.Contains(stack, "sallyport/server") || strings.Contains(stack, "grpc/internal/transport") ||
				strings.Contains(stack, "grpc.(*Server).serverWorker") {
				left = append(left, stack)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return strings.Join(left, "\n\n")
		}
	}
}

const soon = 20 * time.Second

// handlers are the handlers of the test services, as far as these tests call them.
type handlers struct {
	testv1action.UnaryServiceHandler
	testv1action.StreamServiceHandler

	ran    atomic.Int64
	unary  func(ctx context.Context, info *connect.CallInfo, request *testv1.Request) (*testv1.Response, error)
	opened chan struct{} // gets a value for each stream that waits, where it is not nil
}

func (h *handlers) CheckedIsOpen(context.Context, *authn.Principal, *testv1.Request) (bool, error) {
	return true, nil
}

func (h *handlers) do(ctx context.Context, caller string, request *testv1.Request) (*testv1.Response, error) {
	h.ran.Add(1)
	if h.unary != nil {
		info, _ := connect.CallInfoForServerContext(ctx)
		return h.unary(ctx, info, request)
	}
	return &testv1.Response{Caller: caller, Owners: []string{request.GetOwner()}}, nil
}

func (h *handlers) Public(ctx context.Context, call *action.AnonymousCall[testv1.Request]) (*testv1.Response, error) {
	return h.do(ctx, "", call.Message())
}

func (h *handlers) Anyone(ctx context.Context, call *action.Call[testv1.Request]) (*testv1.Response, error) {
	return h.do(ctx, call.Principal().ID(), call.Message())
}

func (h *handlers) Own(ctx context.Context, call *action.Call[testv1.Request]) (*testv1.Response, error) {
	return h.do(ctx, call.Principal().ID(), call.Message())
}

func (h *handlers) Concealed(ctx context.Context, call *action.Call[testv1.Request]) (*testv1.Response, error) {
	return h.do(ctx, call.Principal().ID(), call.Message())
}

// WatchFirst sends three responses, or waits where the request says so.
func (h *handlers) WatchFirst(ctx context.Context, call *action.Call[testv1.Request], stream *action.ServerStream[testv1.Response]) error {
	h.ran.Add(1)
	for i := range 3 {
		if err := stream.Send(&testv1.Response{Caller: strconv.Itoa(i)}); err != nil {
			return err
		}
	}
	if call.Message().GetWord() == "wait" {
		h.wait()
		<-ctx.Done()
		return ctx.Err()
	}
	if call.Message().GetWord() == "fail" {
		return connect.NewError(connect.CodeAborted, "stopped after three")
	}
	return nil
}

func (h *handlers) WatchPublicOpen(_ context.Context, call *action.AnonymousCall[testv1.Request], stream *action.ServerStream[testv1.Response]) error {
	h.ran.Add(1)
	h.wait()
	for {
		if err := stream.Send(&testv1.Response{Owners: []string{strings.Repeat("x", 1000*int(call.Message().GetFirst()))}}); err != nil {
			return err
		}
	}
}

func (h *handlers) CollectEvery(_ context.Context, stream *action.ClientStream[testv1.Request]) (*testv1.Response, error) {
	h.ran.Add(1)
	response := &testv1.Response{Caller: stream.Principal().ID()}
	for {
		request, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			return response, nil
		}
		if err != nil {
			return nil, err
		}
		response.Owners = append(response.Owners, request.GetOwner()+request.GetWord())
	}
}

func (h *handlers) ChatEvery(_ context.Context, stream *action.BidiStream[testv1.Request, testv1.Response]) error {
	return h.chat(stream)
}

func (h *handlers) ChatOpen(_ context.Context, stream *action.BidiStream[testv1.Request, testv1.Response]) error {
	return h.chat(stream)
}

func (h *handlers) chat(stream *action.BidiStream[testv1.Request, testv1.Response]) error {
	h.ran.Add(1)
	h.wait()
	for {
		request, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(&testv1.Response{Caller: stream.Principal().ID(), Owners: []string{request.GetWord()}}); err != nil {
			return err
		}
	}
}

func (h *handlers) wait() {
	if h.opened != nil {
		h.opened <- struct{}{}
	}
}

// records keeps events.
type records struct {
	mu   sync.Mutex
	kept []*event.Event
	more chan struct{} // gets a value when there is one more, if that has room
}

func (*records) Enabled(context.Context, event.Kind, event.Outcome) bool { return true }

func (r *records) Record(_ context.Context, e *event.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kept = append(r.kept, e)
	select {
	case r.more <- struct{}{}:
	default:
	}
	return nil
}

// take returns the next so many events, once they are there.
func (r *records) take(t *testing.T, number int) []*event.Event {
	t.Helper()
	patience := time.After(soon)
	for {
		r.mu.Lock()
		kept := r.kept
		if len(kept) >= number {
			r.kept = nil
		}
		r.mu.Unlock()
		if len(kept) >= number {
			return kept
		}
		select {
		case <-r.more:
		case <-patience:
			t.Fatalf("%d events in place of %d", len(kept), number)
		}
	}
}

// tokens authenticates "Authorization: Bearer ID ROLE", until the id is revoked.
type tokens struct{ revoked sync.Map }

func (s *tokens) Authenticate(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	values := call.RequestHeader().Values("Authorization")
	if len(values) == 0 {
		return nil, authn.ErrNoCredential
	}
	id, role, ok := strings.Cut(strings.TrimPrefix(values[0], "Bearer "), " ")
	if _, revoked := s.revoked.Load(id); revoked || !ok || len(values) > 1 {
		return nil, authn.InvalidCredential("malformed or revoked")
	}
	return authn.NewPrincipal(id, authn.Details{Unscoped: true, Roles: []string{role}, AuthenticatedAt: time.Now()}), nil
}

func (*tokens) ReportsAuthenticationTime() bool { return true }

// served is a server with both of its ports.
type served struct {
	*handlers
	*records

	registry *action.Registry
	tokens   *tokens
	log      *lines
	// address and native are where the server and its gRPC port listen.
	address, native string
	// stop ends the server and returns what Serve returned. It may be called again.
	stop func() error
}

// lines is a log.
type lines struct {
	mu      sync.Mutex
	written strings.Builder
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.written.Write(line)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.written.String()
}

// serve serves the test services on both ports until the test ends.
func serve(t *testing.T, handlers *handlers, options ...server.Option) *served {
	t.Helper()
	served := &served{handlers: handlers, records: &records{more: make(chan struct{}, 1)}, tokens: &tokens{}, log: &lines{}}
	var err error
	served.registry, err = action.NewRegistry(authn.Schemes{"session": served.tokens, "bearer": absent{}}, action.WithRecorder(served.records))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		testv1action.RegisterUnaryService(served.registry, handlers, handlers),
		testv1action.RegisterStreamService(served.registry, handlers),
	); err != nil {
		t.Fatal(err)
	}
	served.start(t, options...)
	return served
}

// absent finds no credential.
type absent struct{}

func (absent) Authenticate(context.Context, *connect.CallInfo) (*authn.Principal, error) {
	return nil, authn.ErrNoCredential
}
func (absent) ReportsAuthenticationTime() bool { return true }

// start serves the registry.
func (s *served) start(t *testing.T, options ...server.Option) {
	t.Helper()
	listener, native := listen(t), listen(t)
	logger := slog.New(slog.NewTextHandler(s.log, nil))
	srv, err := server.New(s.registry, append([]server.Option{server.WithLogger(logger), server.WithGRPC(grpcserver.On(native))}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	s.address, s.native = listener.Addr().String(), native.Addr().String()
	// A test's own context ends before its clean-up.
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ctx, listener) }()
	s.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { _ = s.stop() })
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// dial returns a client of one of the ports. It sends messages as the bytes that they are
// given as, and compresses none of its own accord.
func dial(t *testing.T, address string, config *tls.Config, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	secured := insecure.NewCredentials()
	if config != nil {
		secured = credentials.NewTLS(config)
	}
	conn, err := grpc.NewClient("passthrough:///"+address, append([]grpc.DialOption{
		grpc.WithTransportCredentials(secured),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(bytesCodec{}), grpc.MaxCallRecvMsgSize(64<<20)),
		grpc.WithDisableRetry(),
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// bytesCodec sends and receives bytes, or messages as their bytes.
type bytesCodec struct{}

func (bytesCodec) Name() string { return "proto" }

func (bytesCodec) Marshal(value any) (mem.BufferSlice, error) {
	data, ok := value.([]byte)
	if !ok {
		var err error
		if data, err = proto.Marshal(value.(proto.Message)); err != nil {
			return nil, err
		}
	}
	return mem.BufferSlice{mem.SliceBuffer(data)}, nil
}

func (bytesCodec) Unmarshal(data mem.BufferSlice, value any) error {
	return proto.Unmarshal(data.Materialize(), value.(proto.Message))
}

func encode(t *testing.T, message proto.Message) []byte {
	t.Helper()
	data, err := proto.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
