package mtls_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/mtls"
)

// anyWorkload is a Lookup that knows every workload, as a member.
func anyWorkload(context.Context, string) (authn.Details, error) {
	return authn.Details{Roles: []string{"member"}}, nil
}

func newSPIFFE(tb testing.TB, domains ...mtls.TrustDomain) *mtls.Authenticator {
	tb.Helper()
	if domains == nil {
		domains = []mtls.TrustDomain{{Name: "example.org"}}
	}
	authenticator, err := mtls.NewSPIFFE(anyWorkload, domains...)
	if err != nil {
		tb.Fatal(err)
	}
	return authenticator
}

// A signer is a certificate with its key, and those that a client sends along.
type signer struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	sent        [][]byte
}

// edit changes a certificate before it is signed.
type edit func(template *x509.Certificate)

// authority is an edit that lets a certificate sign others.
func authority(template *x509.Certificate) {
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage, template.ExtKeyUsage = x509.KeyUsageCertSign, nil
}

// named is an edit that gives a certificate URIs for names, valid or not.
func named(uris ...string) edit {
	return func(template *x509.Certificate) {
		template.ExtraExtensions = append(template.ExtraExtensions, names(uris...))
	}
}

// names is the extension with the given URIs. None at all leaves one DNS name.
func names(uris ...string) pkix.Extension {
	values := []asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: 2, Bytes: []byte("example.org")}}
	for _, uri := range uris {
		values = append(values, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 6, Bytes: []byte(uri)})
	}
	encoded, _ := asn1.Marshal(values)
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: encoded}
}

// sign makes a client certificate, signed by parent or, where that is nil, by itself.
func sign(tb testing.TB, parent *signer, edits ...edit) *signer {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return signKey(tb, parent, key, edits...)
}

func signKey(tb testing.TB, parent *signer, key *ecdsa.PrivateKey, edits ...edit) *signer {
	tb.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "ada"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for _, edit := range edits {
		edit(template)
	}
	signed := &signer{key: key}
	if parent == nil {
		parent = &signer{certificate: template, key: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.certificate, &key.PublicKey, parent.key)
	if err != nil {
		tb.Fatal(err)
	}
	if signed.certificate, err = x509.ParseCertificate(der); err != nil {
		tb.Fatal(err)
	}
	signed.sent = append([][]byte{der}, parent.sent...)
	return signed
}

func subject(name string) edit {
	return func(template *x509.Certificate) { template.Subject.CommonName = name }
}

// shown is the certificate as it is shown in a handshake.
func (s *signer) shown() tls.Certificate {
	return tls.Certificate{Certificate: s.sent, PrivateKey: s.key}
}

func pool(signers ...*signer) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, signer := range signers {
		pool.AddCert(signer.certificate)
	}
	return pool
}

// who is a procedure without a schema of its own. It returns the caller's id.
var who = connect.Spec{Procedure: "/test.Wire/Who", IdempotencyLevel: connect.IdempotencyNoSideEffects}

// A fixture serves who, and keeps what came of each call.
type fixture struct {
	*httptest.Server

	mux     *http.ServeMux
	handled atomic.Int64                     // calls that were let in
	last    atomic.Pointer[answer]           // what the authenticator said
	seen    atomic.Pointer[connect.CallInfo] // what it was asked about
}

type answer struct {
	principal *authn.Principal
	err       error
}

func build(authenticator authn.Authenticator) *fixture {
	fixture := &fixture{mux: http.NewServeMux()}
	server := connect.NewServer(introduce)
	server.Register(connect.Method{Spec: who, Handler: func(ctx context.Context, _ connect.Spec, stream connect.ServerStream) error {
		if err := stream.Receive(new(emptypb.Empty)); err != nil {
			return err
		}
		call, _ := connect.CallInfoForServerContext(ctx)
		fixture.seen.Store(call)
		principal, err := authenticator.Authenticate(ctx, call)
		fixture.last.Store(&answer{principal, err})
		if err != nil {
			return connect.NewError(connect.CodeUnauthenticated, "unauthenticated").WithCause(err)
		}
		fixture.handled.Add(1)
		return stream.Send(wrapperspb.String(principal.ID()))
	}})
	connecthttp.Mount(fixture.mux, server, connecthttp.WithHTTPGet())
	return fixture
}

// serve serves who over TLS, HTTP/1.1 and HTTP/2.
func serve(tb testing.TB, authenticator authn.Authenticator, config *tls.Config) *fixture {
	tb.Helper()
	fixture := build(authenticator)
	fixture.Server = httptest.NewUnstartedServer(fixture.mux)
	fixture.TLS = config
	fixture.EnableHTTP2 = true
	fixture.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0) // of handshakes that fail
	fixture.StartTLS()
	tb.Cleanup(fixture.Close)
	return fixture
}

// client returns a client that shows a certificate, or none where that is nil.
func (h *fixture) client(tb testing.TB, shown *signer, http2 bool) *http.Client {
	tb.Helper()
	transport := h.Client().Transport.(*http.Transport).Clone()
	if shown != nil {
		// For any authorities that the server asks for.
		transport.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			certificate := shown.shown()
			return &certificate, nil
		}
	}
	transport.ForceAttemptHTTP2 = http2
	if !http2 {
		transport.TLSClientConfig.NextProtos = []string{"http/1.1"}
	}
	tb.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// call asks who is calling. It returns "refused by TLS" where the handshake fails.
func (h *fixture) call(tb testing.TB, client *http.Client, headers map[string]string, options ...connecthttp.Option) string {
	tb.Helper()
	before := h.handled.Load()
	h.last.Store(nil)
	ctx, info := connect.NewClientContext(tb.Context())
	for name, value := range headers {
		info.RequestHeader().Set(name, value)
	}
	var got wrapperspb.StringValue
	err := connect.NewClient(connecthttp.NewTransport(client, h.URL, options...)).CallUnary(ctx, who, new(emptypb.Empty), &got)
	ran := h.handled.Load() > before
	switch answer := h.last.Load(); {
	case answer == nil && err != nil && !ran:
		return "refused by TLS"
	case answer == nil:
		tb.Fatalf("the call was not authenticated: %v", err)
		return ""
	case ran != (answer.err == nil) || ran != (err == nil) || !ran && connect.CodeOf(err) != connect.CodeUnauthenticated:
		tb.Fatalf("authenticated with %v, the handler ran: %t, and the caller saw %v", answer.err, ran, err)
		return ""
	default:
		return outcome(answer.principal, answer.err)
	}
}

// outcome is a kind of answer of Authenticate.
func outcome(principal *authn.Principal, err error) string {
	switch {
	case principal != nil && err != nil:
		return "principal beside an error"
	case principal != nil:
		return principal.ID()
	case errors.Is(err, authn.ErrNoCredential):
		return "none"
	case errors.Is(err, authn.ErrInvalidCredential):
		return "invalid"
	case errors.Is(err, authn.ErrUnavailable):
		return "unavailable"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case err != nil:
		return "fault"
	default:
		return "nothing at all"
	}
}

// over asks an authenticator about a connection with the given TLS state, as no real
// one may have it.
func over(tb testing.TB, authenticator authn.Authenticator, state *tls.ConnectionState) (*authn.Principal, error) {
	tb.Helper()
	return authenticator.Authenticate(reached(tb.Context(), state), new(connect.CallInfo))
}

// reached is the context of a call over a connection with the given TLS state.
func reached(ctx context.Context, state *tls.ConnectionState) context.Context {
	return authn.WithPeer(ctx, &authn.Peer{TLS: state})
}

// introduce says who is at the other end of a call, as package server does.
func introduce(next connect.ServerFunc) connect.ServerFunc {
	return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
		info, _ := connecthttp.ServerInfoForContext(ctx)
		return next(reached(ctx, info.TLS()), spec, stream)
	}
}

// newPlain serves without TLS.
func newPlain(tb testing.TB, handler http.Handler) *httptest.Server {
	tb.Helper()
	server := httptest.NewServer(handler)
	tb.Cleanup(server.Close)
	return server
}
