package grpcserver_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/server"
	"github.com/sallyport-rpc/sallyport/server/grpcserver"
)

// certify makes a certificate for 127.0.0.1 and for a client, and the roots that trust it.
func certify(t *testing.T, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: name},
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
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

func as(ctx context.Context, header ...string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, header...)
}

// invoke calls an action and returns its code.
func invoke(ctx context.Context, conn *grpc.ClientConn, procedure string, request *testv1.Request) codes.Code {
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	return status.Code(conn.Invoke(ctx, procedure, request, &testv1.Response{}))
}

// With TLS the port speaks TLS and nothing else, and authenticators see the certificate
// that a client showed, and no one's where a client shows none.
func TestTLS(t *testing.T) {
	t.Parallel()
	certificate, roots := certify(t, "server")
	shown, trusted := certify(t, "client")
	var last atomic.Pointer[authn.Peer]
	served := serve(t, &handlers{unary: func(ctx context.Context, _ *connect.CallInfo, _ *testv1.Request) (*testv1.Response, error) {
		peer, _ := authn.PeerFrom(ctx)
		last.Store(peer)
		return &testv1.Response{}, nil
	}}, server.WithTLS(&tls.Config{Certificates: []tls.Certificate{certificate}, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: trusted}))
	ctx := as(t.Context(), alice...)
	for name, certificates := range map[string][]tls.Certificate{"client": {shown}, "": nil} {
		conn := dial(t, served.native, &tls.Config{RootCAs: roots, Certificates: certificates})
		if code := invoke(ctx, conn, unaryService+"Anyone", sound); code != codes.OK {
			t.Fatalf("%q: %v", name, code)
		}
		switch seen := last.Load(); {
		case seen == nil || seen.TLS == nil || seen.Address != netip.MustParseAddr("127.0.0.1"):
			t.Errorf("%q: the peer is %+v", name, seen)
		case name == "" && len(seen.TLS.PeerCertificates) > 0:
			t.Errorf("a certificate of no one")
		case name != "" && (len(seen.TLS.VerifiedChains) != 1 || seen.TLS.PeerCertificates[0].Subject.CommonName != name):
			t.Errorf("%q: %d chains", name, len(seen.TLS.VerifiedChains))
		}
	}
	ran := served.ran.Load()
	for name, config := range map[string]*tls.Config{
		"cleartext":                             nil,
		"a certificate that no one vouches for": {RootCAs: roots, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil }},
		"TLS 1.1":                               {RootCAs: roots, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
	} {
		if code := invoke(ctx, dial(t, served.native, config), unaryService+"Anyone", sound); code != codes.Unavailable {
			t.Errorf("%s: %v", name, code)
		}
	}
	if served.ran.Load() != ran {
		t.Error("a handler ran")
	}
}

// A call comes from where a trusted proxy says, and only then.
func TestPeer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options []server.Option
		want    string
	}{
		"trusted":     {[]server.Option{server.WithTrustedProxies(netip.MustParsePrefix("127.0.0.1/32"))}, "192.0.2.7"},
		"not trusted": {nil, "127.0.0.1"},
	} {
		served := serve(t, &handlers{}, test.options...)
		ctx := as(t.Context(), append([]string{"x-forwarded-for", "198.51.100.1, 192.0.2.7"}, alice...)...)
		if code := invoke(ctx, dial(t, served.native, nil), unaryService+"Own", sound); code != codes.OK {
			t.Fatal(code)
		}
		if got := served.take(t, 2)[0].Peer.Address.String(); got != test.want {
			t.Errorf("%s: the call comes from %s", name, got)
		}
	}
}

// A host that is not the server's is refused, and leaves an event.
func TestHosts(t *testing.T) {
	t.Parallel()
	served := serve(t, &handlers{}, server.WithHosts("api.example"))
	for authority, want := range map[string]codes.Code{"api.example": codes.OK, "API.example:443": codes.OK, "evil.example": codes.PermissionDenied} {
		ran := served.ran.Load()
		conn := dial(t, served.native, nil, grpc.WithAuthority(authority))
		if code := invoke(as(t.Context(), alice...), conn, unaryService+"Own", sound); code != want {
			t.Errorf("%s: %v", authority, code)
		}
		if (served.ran.Load() > ran) != (want == codes.OK) {
			t.Errorf("%s: the handler ran, or did not", authority)
		}
		if want == codes.OK {
			served.take(t, 2)
		} else if got := served.take(t, 1)[0]; got.Reason != "refused for its host, evil.example" {
			t.Errorf("recorded %q", got.Reason)
		}
	}
}

// Interceptors of the server surround the calls of the port, and a front door refuses
// before a message is read. A panic among them is logged, as on the server's own port.
func TestInterceptorsAndFrontDoor(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []string
	observe := func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			info, _ := connect.CallInfoForServerContext(ctx)
			mu.Lock()
			defer mu.Unlock() // one call at a time
			seen = append(seen, info.Protocol+" "+info.Codec+" "+spec.Procedure)
			if info.RequestHeader().Get("X-Panic") != "" {
				panic("a password is in here")
			}
			return next(ctx, spec, stream)
		}
	}
	served := serve(t, &handlers{}, server.WithInterceptors(observe), server.WithFrontDoor())
	conn := dial(t, served.native, nil)
	if code := invoke(as(t.Context(), alice...), conn, unaryService+"Own", sound); code != codes.OK {
		t.Error(code)
	}
	served.take(t, 2)
	if code := invoke(t.Context(), conn, unaryService+"Own", unsound); code != codes.Unauthenticated {
		t.Errorf("an unsound request of a stranger: %v", code)
	}
	served.take(t, 1)
	if code := invoke(as(t.Context(), append([]string{"x-panic", "1"}, alice...)...), conn, unaryService+"Own", sound); code != codes.Internal {
		t.Errorf("a panic of an interceptor: %v", code)
	}
	if got := served.take(t, 1)[0]; got.Code != connect.CodeInternal || got.Reason != "ended by a panic outside its gate" {
		t.Errorf("recorded %v, %s", got.Code, got.Reason)
	}
	if log := served.log.String(); !strings.Contains(log, "panic outside a gate") || strings.Contains(log, "password") {
		t.Errorf("logged %s", log)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != 3 || seen[0] != "grpc proto "+unaryService+"Own" || served.ran.Load() != 1 {
		t.Errorf("seen %q, %d handlers ran", seen, served.ran.Load())
	}
}

// More calls than there are goroutines for run at a time: one that waits holds up no other.
func TestManyCalls(t *testing.T) {
	t.Parallel()
	const calls = 150
	entered, leave := make(chan struct{}, calls), make(chan struct{})
	release := sync.OnceFunc(func() { close(leave) })
	defer release()
	served := serve(t, &handlers{unary: func(context.Context, *connect.CallInfo, *testv1.Request) (*testv1.Response, error) {
		entered <- struct{}{}
		<-leave
		return &testv1.Response{}, nil
	}})
	conn := dial(t, served.native, nil)
	answered := make(chan codes.Code, calls)
	for range calls {
		go func() { answered <- invoke(as(t.Context(), alice...), conn, unaryService+"Anyone", sound) }()
	}
	waited := time.After(soon)
	for i := range calls {
		select {
		case <-entered:
		case <-waited:
			t.Fatalf("%d calls run", i)
		}
	}
	release()
	for range calls {
		if code := <-answered; code != codes.OK {
			t.Errorf("a call: %v", code)
		}
	}
}

// A shutdown waits for calls that were accepted, tells handlers, and ends streams after
// their grace; new calls find no one.
func TestDrain(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	handlers := &handlers{opened: make(chan struct{}, 1), unary: func(ctx context.Context, _ *connect.CallInfo, _ *testv1.Request) (*testv1.Response, error) {
		close(entered)
		<-action.Draining(ctx)
		<-leave
		return &testv1.Response{}, ctx.Err()
	}}
	served := serve(t, handlers, server.WithShutdownTimeout(soon), server.WithStreamGrace(50*time.Millisecond))
	conn := dial(t, served.native, nil)
	ctx := as(t.Context(), alice...)
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, streamService+"WatchFirst")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(stream.SendMsg(waiting), stream.CloseSend()); err != nil {
		t.Fatal(err)
	}
	<-handlers.opened
	answered := make(chan codes.Code, 1)
	go func() { answered <- invoke(ctx, conn, unaryService+"Anyone", sound) }()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- served.stop() }()
	for err == nil {
		err = stream.RecvMsg(&testv1.Response{})
	}
	if status.Code(err) != codes.Unavailable || status.Convert(err).Message() != "the server is shutting down" {
		t.Errorf("the stream ended with %v", err)
	}
	close(leave)
	if code := <-answered; code != codes.OK {
		t.Errorf("the call that was accepted: %v", code)
	}
	if err := <-stopped; err != nil {
		t.Errorf("the shutdown: %v", err)
	}
	if code := invoke(ctx, dial(t, served.native, nil), unaryService+"Anyone", sound); code != codes.Unavailable {
		t.Errorf("after the shutdown: %v", code)
	}
}

// Calls that do not end within the shutdown timeout are cancelled, and named.
func TestHardStop(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{})
	handlers := &handlers{unary: func(ctx context.Context, _ *connect.CallInfo, _ *testv1.Request) (*testv1.Response, error) {
		close(entered)
		<-ctx.Done()
		return nil, connect.NewError(connect.CodeAborted, "cut off")
	}}
	served := serve(t, handlers, server.WithShutdownTimeout(100*time.Millisecond))
	conn := dial(t, served.native, nil)
	answered := make(chan codes.Code, 1)
	go func() { answered <- invoke(as(t.Context(), alice...), conn, unaryService+"Anyone", sound) }()
	<-entered
	err := served.stop()
	if err == nil || !strings.Contains(err.Error(), unaryService+"Anyone") {
		t.Errorf("the shutdown: %v", err)
	}
	if code := <-answered; code != codes.Aborted {
		t.Errorf("the call: %v", code)
	}
}

// A connection that says nothing does not hold up a shutdown.
func TestSilentConnection(t *testing.T) {
	t.Parallel()
	served := serve(t, &handlers{})
	conn, err := net.Dial("tcp", served.native)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// The settings of the server show that the connection was accepted.
	if _, err := io.ReadFull(conn, make([]byte, 9)); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := served.stop(); err != nil || time.Since(start) > 8*time.Second {
		t.Errorf("the shutdown took %v: %v", time.Since(start), err)
	}
}

// Options that cannot hold are refused, and so is an address that is taken.
func TestOptions(t *testing.T) {
	t.Parallel()
	registry, err := action.NewRegistry(authn.Schemes{})
	if err != nil {
		t.Fatal(err)
	}
	for name, options := range map[string][]server.Option{
		"no port": {server.WithGRPC(grpcserver.New("localhost"))},
		"twice":   {server.WithGRPC(grpcserver.New(":0")), server.WithGRPC(grpcserver.New(":0"))},
		"nil":     {server.WithGRPC(nil)},
	} {
		if _, err := server.New(registry, options...); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	taken := listen(t)
	defer taken.Close()
	srv, err := server.New(registry, server.WithGRPC(grpcserver.New(taken.Addr().String())))
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Serve(t.Context(), listen(t)); err == nil || !strings.Contains(err.Error(), "stop the program that listens there") {
		t.Errorf("served on a port that is taken: %v", err)
	}
}
