package server_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	_ "modernc.org/sqlite" // the driver "sqlite"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/audit"
	"github.com/sallyport-rpc/sallyport/limit"
	"github.com/sallyport-rpc/sallyport/server"
	"github.com/sallyport-rpc/sallyport/server/grpcserver"
	"github.com/sallyport-rpc/sallyport/server/health"
	"github.com/sallyport-rpc/sallyport/server/reflection"
	"github.com/sallyport-rpc/sallyport/telemetry"
	"github.com/sallyport-rpc/sallyport/telemetry/admin"
)

// everythingOn is a variable of the environment that gives each server of the tests all
// options: see TestEverythingOn.
const everythingOn = "SALLYPORT_TEST_EVERYTHING"

func isEverythingOn() bool { return os.Getenv(everythingOn) != "" }

// everything is what a server has beside its actions when it has all options.
type everything struct {
	options []server.Option
	roots   *x509.CertPool
	native  string // the address of the port for gRPC
	metrics string // the URL of the metrics
	panel   *admin.Panel
}

// newEverything makes what goes with the actions of a registry.
func newEverything(tb testing.TB, registry *action.Registry) *everything {
	tb.Helper()
	checks, err := health.New(registry)
	if err != nil {
		tb.Fatal(err)
	}
	if err := errors.Join(
		checks.Register(registry, `authenticate: {anonymous: "probes have no credential"} authorize: {anyone: "it says whether the server works"} stream: {authorize: OPEN}`),
		reflection.Register(registry, `authenticate: {schemes: ["session"]} authorize: {anyone: "a caller sees what it may call"} stream: {authorize: OPEN}`),
	); err != nil {
		tb.Fatal(err)
	}
	reader, page, err := admin.Metrics()
	if err != nil {
		tb.Fatal(err)
	}
	meters, traces := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)), sdktrace.NewTracerProvider(sdktrace.WithBatcher(tracetest.NewNoopExporter()))
	tb.Cleanup(func() {
		_ = errors.Join(meters.Shutdown(context.Background()), traces.Shutdown(context.Background())) // nothing is left to lose
	})
	measured, err := telemetry.New(registry, telemetry.WithMeterProvider(meters), telemetry.WithTracerProvider(traces))
	if err != nil {
		tb.Fatal(err)
	}
	panel, err := admin.New(registry, admin.WithAddress("127.0.0.1:0"), admin.WithMetrics(page), admin.WithHealth(checks))
	if err != nil {
		tb.Fatal(err)
	}
	scraped := httptest.NewServer(page)
	tb.Cleanup(scraped.Close)
	native, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	identity, folder := newIdentity(tb, 1), tb.TempDir()
	files := server.TLSFiles{Certificate: filepath.Join(folder, "tls.crt"), Key: filepath.Join(folder, "tls.key"), Interval: time.Second}
	put(tb, files.Certificate, identity.chain)
	put(tb, files.Key, identity.key)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(identity.chain)
	return &everything{
		options: []server.Option{
			measured.Server(), server.WithTLSFiles(files), server.WithGRPC(grpcserver.On(native)),
			server.WithMaxConnections(1000), server.WithMaxRunningCalls(1000), server.WithMaxPrincipalStreams(1000),
			server.WithMaxPendingBytes(256 << 20), server.WithMaxMessageElements(100_000), server.WithHeaderTimeout(10 * time.Second),
		},
		roots: roots, native: native.Addr().String(), metrics: scraped.URL, panel: panel,
	}
}

// newAudited returns the options of a registry whose calls are limited, and wait for a
// log in SQLite. When the test ends the log is verified, and has each allow.
func newAudited(tb testing.TB, recorder event.Recorder) []action.RegistryOption {
	tb.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(tb.TempDir(), "audit.db")+"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)")
	if err != nil {
		tb.Fatal(err)
	}
	private, public, err := note.GenerateKey(rand.Reader, "everything")
	if err != nil {
		tb.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		tb.Fatal(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		tb.Fatal(err)
	}
	store := audit.SQLite(db)
	log, err := audit.Open(tb.Context(), store, signer)
	if err != nil {
		tb.Fatal(err)
	}
	limits, err := limit.NewMemory()
	if err != nil {
		tb.Fatal(err)
	}
	counted := &counter{Recorder: recorder}
	tb.Cleanup(func() {
		defer db.Close()
		if err := log.Close(context.Background()); err != nil {
			tb.Errorf("close the audit log: %v", err)
			return
		}
		report, err := audit.Verify(context.Background(), note.VerifierList(verifier), []*audit.Store{store})
		if err != nil || len(report.Findings) > 0 {
			tb.Errorf("the audit log does not verify: %+v, %v", report, err)
			return
		}
		counted.compare(tb, store)
	})
	return []action.RegistryOption{action.WithRequiredRecorder(event.Tee(log.StrictRecorder(), counted)), action.WithLimiter(limits)}
}

// A counter counts the allows and the denials that it hands on.
type counter struct {
	event.Recorder

	allowed, denied atomic.Int64
}

func (c *counter) Record(ctx context.Context, happened *event.Event) error {
	switch {
	case happened.Kind.Admits(happened.Outcome):
		c.allowed.Add(1)
	case happened.Kind != event.Fault && happened.Outcome == event.Deny:
		c.denied.Add(1)
	}
	return c.Recorder.Record(ctx, happened)
}

// compare fails the test where the log lacks an allow or the first denials. Further ones
// are thinned, since strangers can cause them at will.
func (c *counter) compare(tb testing.TB, store *audit.Store) {
	tb.Helper()
	var allowed, denied, left int64
	for found, err := range store.Find(context.Background(), audit.Query{}) {
		if err != nil {
			tb.Error(err)
			return
		}
		switch entry := found.Entry; {
		case entry.Outcome == "allow" && (entry.Kind == "decided" || entry.Kind == "opened"):
			allowed++
		case entry.Outcome == "deny":
			denied++
			left += int64(entry.NotRecorded)
		}
	}
	if allowed != c.allowed.Load() {
		tb.Errorf("the audit log has %d allows, and there were %d", allowed, c.allowed.Load())
	}
	if denied+left > c.denied.Load() || denied < min(c.denied.Load(), 20) {
		tb.Errorf("the audit log has %d denials and counts %d more, and there were %d", denied, left, c.denied.Load())
	}
}

// A lateTLS is a connection that is encrypted, with HTTP/2 where that is what the client
// begins with.
type lateTLS struct {
	net.Conn

	roots *x509.CertPool
	began sync.Once
	tls   *tls.Conn
}

func (c *lateTLS) begin(first []byte) *tls.Conn {
	c.began.Do(func() {
		config := &tls.Config{RootCAs: c.roots, ServerName: "127.0.0.1", NextProtos: []string{"http/1.1"}}
		if bytes.HasPrefix(first, []byte("PRI * HTTP/2")) {
			config.NextProtos = []string{"h2"}
		}
		c.tls = tls.Client(c.Conn, config)
	})
	return c.tls
}

func (c *lateTLS) Write(data []byte) (int, error) { return c.begin(data).Write(data) }

func (c *lateTLS) Read(data []byte) (int, error) { return c.begin(nil).Read(data) }

// around serves with the admin pages beside it.
func (e *everything) around(ctx context.Context, serve func(context.Context) error) error {
	if e == nil {
		return serve(ctx)
	}
	return e.panel.Run(ctx, serve)
}
