package health_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/server"
	"github.com/sallyport-rpc/sallyport/server/health"
)

// open is a declaration for probes, which have no credential.
const open = `authenticate: {anonymous: "probes have no credential"}
	authorize: {anyone: "it says no more than whether the server works"}
	stream: {authorize: OPEN}`

// guarded is a declaration for callers with a session.
const guarded = `authenticate: {schemes: ["session"]}
	authorize: {allow: {cel: "'health.read' in principal.scopes"}}
	stream: {authorize: OPEN}`

type accounts struct {
	demov1action.AccountServiceHandler
}

// byName takes "Authorization: NAME", whose principal has the name as its only scope.
type byName struct{}

func (byName) Authenticate(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	name := call.RequestHeader().Get("Authorization")
	if name == "" {
		return nil, authn.ErrNoCredential
	}
	return authn.NewPrincipal("someone", authn.Details{Unscoped: true, Scopes: []string{name}, AuthenticatedAt: time.Now()}), nil
}

func (byName) ReportsAuthenticationTime() bool { return true }

// events keeps the decisions.
type events struct {
	mu   sync.Mutex
	kept []event.Event
}

func (*events) Enabled(context.Context, event.Kind, event.Outcome) bool { return true }

func (e *events) Record(_ context.Context, event *event.Event) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.kept = append(e.kept, *event)
	return nil
}

// of returns the decisions on a procedure.
func (e *events) of(procedure string) []event.Outcome {
	e.mu.Lock()
	defer e.mu.Unlock()
	var outcomes []event.Outcome
	for _, got := range e.kept {
		if got.Procedure == procedure && (got.Kind == event.Decided || got.Kind == event.Opened) {
			outcomes = append(outcomes, got.Outcome)
		}
	}
	return outcomes
}

func newRegistry(t *testing.T) (*action.Registry, *events) {
	t.Helper()
	events := &events{}
	registry, err := action.NewRegistry(authn.Schemes{"session": byName{}, "bearer": byName{}, "apikey": byName{}}, action.WithRecorder(events))
	if err != nil {
		t.Fatal(err)
	}
	if err := demov1action.RegisterAccountService(registry, accounts{}); err != nil {
		t.Fatal(err)
	}
	return registry, events
}

// A served server has its health service and its pages.
type served struct {
	url, address string
	events       *events
	stop         context.CancelFunc // asks it to stop
	ended        chan error
}

// serve serves health with a declaration.
func serve(t *testing.T, declaration string, options []health.Option, serving ...server.Option) *served {
	t.Helper()
	registry, events := newRegistry(t)
	checks, err := health.New(registry, append([]health.Option{health.WithInterval(10 * time.Millisecond), health.WithLogger(slog.New(slog.DiscardHandler))}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := checks.Register(registry, declaration); err != nil {
		t.Fatal(err)
	}
	return serveRegistry(t, registry, events, checks, serving...)
}

// serveRegistry serves a registry that has health in it.
func serveRegistry(t *testing.T, registry *action.Registry, events *events, checks *health.Checks, serving ...server.Option) *served {
	t.Helper()
	srv, err := server.New(registry, append(append(checks.Pages(), server.WithLogger(slog.New(slog.DiscardHandler))), serving...)...)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	served := &served{url: "http://" + listener.Addr().String(), address: listener.Addr().String(), events: events, stop: cancel, ended: make(chan error, 1)}
	go func() {
		served.ended <- srv.Serve(ctx, listener)
		close(served.ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-served.ended
	})
	return served
}

// client returns a gRPC client on cleartext HTTP/2.
func (s *served) client(t *testing.T) *connect.Client {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	t.Cleanup(transport.CloseIdleConnections)
	return connect.NewClient(connecthttp.NewTransport(&http.Client{Transport: transport}, s.url, connecthttp.WithGRPC()))
}

// service is the health service of grpc_health_v1.
var service = healthv1.File_grpc_health_v1_health_proto.Services().ByName("Health")

func spec(method string) connect.Spec {
	described := service.Methods().ByName(protoreflect.Name(method))
	shape := connect.StreamTypeUnary
	if described.IsStreamingServer() {
		shape = connect.StreamTypeServer
	}
	return connect.Spec{Procedure: "/grpc.health.v1.Health/" + method, StreamType: shape, Schema: described}
}

func (s *served) check(t *testing.T, credential, name string) (healthv1.HealthCheckResponse_ServingStatus, error) {
	t.Helper()
	ctx, info := connect.NewClientContext(t.Context())
	if credential != "" {
		info.RequestHeader().Set("Authorization", credential)
	}
	response := &healthv1.HealthCheckResponse{}
	err := s.client(t).CallUnary(ctx, spec("Check"), &healthv1.HealthCheckRequest{Service: name}, response)
	return response.GetStatus(), err
}

// page returns the status of a page.
func (s *served) page(t *testing.T, path string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

func code(err error) connect.Code {
	if err == nil {
		return 0
	}
	if wire, ok := errors.AsType[*connect.Error](err); ok {
		return wire.Code()
	}
	return connect.CodeUnknown
}

// until waits for a condition that time brings about.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s has not come about", what)
		}
	}
}

// tool returns a command of the module tools, pinned there.
func tool(t *testing.T, name string, arguments ...string) *exec.Cmd {
	t.Helper()
	if testing.Short() {
		t.Skip("builds a tool")
	}
	path, err := exec.CommandContext(t.Context(), "go", "tool", "-modfile=../../tools/go.mod", "-n", name).Output()
	if err != nil {
		t.Fatalf("build %s: %v", name, err)
	}
	return exec.CommandContext(t.Context(), strings.TrimSpace(string(path)), arguments...)
}
