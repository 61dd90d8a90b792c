package mtls_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/mtls"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1client"
	"github.com/sallyport-rpc/sallyport/server"
)

// TestRenewedCertificate has a client renew its certificate while its connection lives
// on. Once the old one is refused, or about to expire, the connection is closed, so the
// new one is shown.
func TestRenewedCertificate(t *testing.T) {
	t.Parallel()
	const id = "spiffe://example.org/billing"
	root := sign(t, nil, authority)
	lives := func(lasts time.Duration) edit {
		return func(template *x509.Certificate) {
			// Certificates have whole seconds.
			template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(lasts).Truncate(time.Second)
		}
	}
	// The server's clock lags, so that a handshake takes what has expired just now.
	for name, test := range map[string]struct {
		shown       *signer
		first       connect.Code // 0 is let in
		connections int64        // of two calls, at least
	}{
		"good":             {sign(t, root, named(id), lives(time.Hour)), 0, 1},
		"not for long":     {sign(t, root, named(id), lives(20*time.Second)), 0, 2},
		"expired":          {sign(t, root, named(id), lives(-2*time.Second)), connect.CodeUnauthenticated, 2},
		"of no trust here": {sign(t, root, named("spiffe://elsewhere.example/billing")), connect.CodeUnauthenticated, 2},
	} {
		for _, http2 := range []bool{false, true} {
			address := serveGate(t, root)
			shown := test.shown
			var connections atomic.Int64
			transport := &http.Transport{ForceAttemptHTTP2: http2, TLSClientConfig: &tls.Config{
				InsecureSkipVerify: true,
				GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					connections.Add(1)
					certificate := shown.shown()
					return &certificate, nil
				},
			}}
			t.Cleanup(transport.CloseIdleConnections)
			client := testv1client.NewStreamServiceClient(connect.NewClient(connecthttp.NewTransport(&http.Client{Transport: transport}, "https://"+address)))
			if err := watch(t.Context(), client); err == nil != (test.first == 0) || err != nil && connect.CodeOf(err) != test.first {
				t.Errorf("%s, HTTP/2 %t: at first: %v", name, http2, err)
			}
			shown = sign(t, root, named(id)) // renewed
			if err := watch(t.Context(), client); err != nil {
				t.Errorf("%s, HTTP/2 %t: renewed: %v", name, http2, err)
			}
			// A transport of net/http that loses its connection may dial twice for one call.
			if got := connections.Load(); got < test.connections || test.connections == 1 && got > 1 {
				t.Errorf("%s, HTTP/2 %t: %d connections, want %d", name, http2, got, test.connections)
			}
		}
	}
}

// A watcher answers WatchOpen with one message.
type watcher struct {
	testv1action.StreamServiceHandler
}

func (watcher) WatchOpen(_ context.Context, _ *action.Call[testv1.Request], out *action.ServerStream[testv1.Response]) error {
	return out.Send(&testv1.Response{})
}

// watch calls WatchOpen and returns what ended it, nil after one message.
func watch(ctx context.Context, client testv1client.StreamServiceClient) error {
	stream, err := client.WatchOpen(ctx, &testv1.Request{Owner: "ada"})
	if err != nil {
		return err
	}
	defer stream.Close()
	for messages := 0; ; messages++ {
		switch _, err := stream.Receive(); {
		case errors.Is(err, io.EOF) && messages == 1:
			return nil
		case err != nil:
			return err
		}
	}
}

// serveGate serves WatchOpen by package server, to workloads whose certificates the
// authority signed. The clock of its handshakes is ten seconds behind.
func serveGate(t *testing.T, authority *signer) (address string) {
	t.Helper()
	editors, err := mtls.NewSPIFFE(func(context.Context, string) (authn.Details, error) {
		return authn.Details{Unscoped: true, Roles: []string{"editor"}}, nil
	}, mtls.TrustDomain{Name: "example.org"})
	if err != nil {
		t.Fatal(err)
	}
	registry, err := action.NewRegistry(authn.Schemes{"session": editors})
	if err != nil {
		t.Fatal(err)
	}
	if err := testv1action.RegisterStreamService(registry, watcher{}); err != nil {
		t.Fatal(err)
	}
	own := sign(t, nil)
	srv, err := server.New(registry, server.WithLogger(slog.New(slog.DiscardHandler)), server.WithTLS(&tls.Config{
		Certificates: []tls.Certificate{own.shown()},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: pool(authority),
		Time: func() time.Time { return time.Now().Add(-10 * time.Second) },
	}))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}
