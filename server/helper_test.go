package server_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/server"
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

// leftOver returns the stacks of goroutines that serve or call, once they have had
// time to end.
func leftOver(patience time.Duration) string {
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		stacks := make([]byte, 4<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		var left []string
		for stack := range strings.SplitSeq(string(stacks), "\n\n") {
			if strings.Contains(stack, "TestMain") {
				continue
			}
			if strings.Contains(stack, "net/http.") || strings.Contains(stack, "sallyport/server") {
				left = append(left, stack)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return strings.Join(left, "\n\n")
		}
	}
}

// directory is the demo's service, as far as the tests need it.
type directory struct {
	demov1action.AccountServiceHandler

	handled atomic.Int64
	asked   atomic.Pointer[string] // the last user that GetUser was asked for
	// hold, if not nil, is called by ListUsers.
	hold func(context.Context) error
	// name is that of the users that ListUsers returns.
	name string
}

func (d *directory) ListUsers(ctx context.Context, _ *action.Call[demov1.ListUsersRequest]) (*demov1.ListUsersResponse, error) {
	d.handled.Add(1)
	if d.hold != nil {
		if err := d.hold(ctx); err != nil {
			return nil, err
		}
	}
	return &demov1.ListUsersResponse{Users: []*demov1.User{{Name: d.name}}}, nil
}

func (d *directory) GetUser(_ context.Context, call *action.Call[demov1.GetUserRequest]) (*demov1.GetUserResponse, error) {
	d.handled.Add(1)
	d.asked.Store(new(call.Message().GetUserId()))
	return &demov1.GetUserResponse{User: &demov1.User{Name: d.name}}, nil
}

func (d *directory) CreateApiKey(context.Context, *action.Call[demov1.CreateApiKeyRequest]) (*demov1.CreateApiKeyResponse, error) { //nolint:revive // the name is the RPC's
	d.handled.Add(1)
	return &demov1.CreateApiKeyResponse{}, nil
}

func (d *directory) DeleteUser(context.Context, *action.Call[demov1.DeleteUserRequest]) (*demov1.DeleteUserResponse, error) {
	d.handled.Add(1)
	return &demov1.DeleteUserResponse{}, nil
}

func (d *directory) SignIn(context.Context, *action.AnonymousCall[demov1.SignInRequest]) (*demov1.SignInResponse, error) {
	d.handled.Add(1)
	return &demov1.SignInResponse{}, nil
}

// byRole takes "Authorization: Bearer ROLE" for who has that role.
func byRole(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	values := call.RequestHeader().Values("Authorization")
	if len(values) == 0 {
		return nil, authn.ErrNoCredential
	}
	role, ok := strings.CutPrefix(values[0], "Bearer ")
	if !ok || len(values) > 1 {
		return nil, authn.InvalidCredential("malformed")
	}
	return authn.NewPrincipal("the-"+role, authn.Details{Unscoped: true, Roles: []string{role}, AuthenticatedAt: time.Now()}), nil
}

// fresh is an authenticator that knows when a caller signed in, as an action with
// a max_age asks for.
type fresh struct{ authn.AuthenticatorFunc }

func (fresh) ReportsAuthenticationTime() bool { return true }

// schemes are all that the demo's actions name. Callers come by session.
func schemes() authn.Schemes {
	absent := fresh{func(context.Context, *connect.CallInfo) (*authn.Principal, error) {
		return nil, authn.ErrNoCredential
	}}
	return authn.Schemes{"session": fresh{byRole}, "bearer": absent, "apikey": absent}
}

// records keeps decisions.
type records struct {
	mu   sync.Mutex
	kept []event.Decision
	ends []event.Decision // how calls ended
	// refused are the calls that came to no gate.
	refused []event.Event
}

func (r *records) Enabled(context.Context, event.Kind, event.Outcome) bool { return true }

func (r *records) Record(_ context.Context, e *event.Event) error {
	beLate()
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e.Kind { //nolint:exhaustive // the others are not kept
	case event.Ended:
		r.ends = append(r.ends, e.Decision)
		return nil
	case event.Refused:
		r.refused = append(r.refused, *e)
		return nil
	}
	r.kept = append(r.kept, e.Decision)
	return nil
}

// takeRefused returns the calls that came to no gate since the last time.
func (r *records) takeRefused() []event.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	refused := r.refused
	r.refused = nil
	return refused
}

// awaitEnd waits for the next call to end, and returns how it did.
func (r *records) awaitEnd(tb testing.TB) event.Decision {
	tb.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		if ends := r.takeEnds(); len(ends) > 0 {
			return ends[0]
		}
		if time.Now().After(deadline) {
			tb.Fatal("no call ended")
		}
	}
}

// takeEnds returns how calls ended since the last time.
func (r *records) takeEnds() []event.Decision {
	r.mu.Lock()
	defer r.mu.Unlock()
	ends := r.ends
	r.ends = nil
	return ends
}

// take returns the decisions since the last time.
func (r *records) take() []event.Decision {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := r.kept
	r.kept = nil
	return kept
}

// lines is a log.
type lines struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(line)
}

// take returns what was written since the last time.
func (l *lines) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	written := l.buffer.String()
	l.buffer.Reset()
	return written
}

// served is a server at work.
type served struct {
	*directory
	*records

	log     *lines
	address string
	url     string
	roots   *x509.CertPool
	// stop ends the server and returns what Serve returned. It may be called again.
	stop func() error
	all  *everything // nil unless every option is on
}

// serve serves the demo's actions until the test ends. How the shutdown went is for
// the test to look at, if it calls stop itself.
func serve(t *testing.T, directory *directory, options ...server.Option) *served {
	t.Helper()
	registry, records := newRegistry(t)
	served := registerAndStart(t, registry, directory, options...)
	served.records = records
	return served
}

func registerDirectory(registry *action.Registry, directory *directory) error {
	return demov1action.RegisterAccountService(registry, directory)
}

func registerAndStart(t *testing.T, registry *action.Registry, directory *directory, options ...server.Option) *served {
	t.Helper()
	if err := registerDirectory(registry, directory); err != nil {
		t.Fatal(err)
	}
	served := start(t, registry, options...)
	served.directory = directory
	return served
}

func newRegistry(t *testing.T) (*action.Registry, *records) {
	t.Helper()
	records := &records{}
	options := []action.RegistryOption{action.WithRecorder(records)}
	if isEverythingOn() {
		options = newAudited(t, records)
	}
	registry, err := action.NewRegistry(schemes(), options...)
	if err != nil {
		t.Fatal(err)
	}
	return registry, records
}

func start(tb testing.TB, registry *action.Registry, options ...server.Option) *served {
	tb.Helper()
	var all *everything
	if isEverythingOn() {
		all = newEverything(tb, registry)
		options = append(all.options, options...)
	}
	log := &lines{}
	logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	srv, err := server.New(registry, append([]server.Option{server.WithLogger(logger)}, options...)...)
	if err != nil {
		tb.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	listener = late(listener)
	// A test's own context ends before its clean-up.
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	ended := make(chan error, 1)
	go func() { ended <- all.around(ctx, func(ctx context.Context) error { return srv.Serve(ctx, listener) }) }()
	stop := sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	tb.Cleanup(func() { _ = stop() })
	address := listener.Addr().String()
	served := &served{log: log, address: address, url: "http://" + address, stop: stop, all: all}
	if all != nil {
		served.url, served.roots = "https://"+address, all.roots
	}
	return served
}

// serveTLS is serve with a certificate of its own.
func serveTLS(t *testing.T, directory *directory, options ...server.Option) *served {
	t.Helper()
	certificate, roots := certify(t)
	config := &tls.Config{Certificates: []tls.Certificate{certificate}}
	served := serve(t, directory, append(options, server.WithTLS(config))...)
	served.url, served.roots, served.all = "https://"+served.address, roots, nil
	return served
}

// certify makes a certificate for 127.0.0.1, and the roots that trust it.
func certify(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, roots
}

// client returns an HTTP client that speaks one version of HTTP and nothing else.
func (s *served) client(tb testing.TB, major int) *http.Client {
	tb.Helper()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(major == 1)
	protocols.SetHTTP2(major == 2 && s.roots != nil)
	protocols.SetUnencryptedHTTP2(major == 2 && s.roots == nil)
	transport := &http.Transport{
		Protocols:          protocols,
		TLSClientConfig:    &tls.Config{RootCAs: s.roots},
		DisableCompression: true,
	}
	tb.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport,
		CheckRedirect: func(request *http.Request, _ []*http.Request) error {
			return fmt.Errorf("redirected to %s", request.URL)
		},
	}
}

// dial connects to the server, for a test that writes what no client would.
func (s *served) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	// A test that hangs is no result.
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if s.all != nil {
		return &lateTLS{Conn: conn, roots: s.roots}
	}
	return conn
}

// quiet keeps a server's log out of the tests' output.
var quiet = server.WithLogger(slog.New(slog.DiscardHandler))

// within serves a handler in an HTTP server that knows nothing of this package.
func within(t *testing.T, handler http.Handler) *served {
	t.Helper()
	elsewhere := httptest.NewServer(handler)
	t.Cleanup(elsewhere.Close)
	return &served{url: elsewhere.URL, address: elsewhere.Listener.Addr().String()}
}
