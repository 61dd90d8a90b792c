package telemetry_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
	"github.com/sallyport-rpc/sallyport/limit"
	"github.com/sallyport-rpc/sallyport/server"
	"github.com/sallyport-rpc/sallyport/telemetry"
	"github.com/sallyport-rpc/sallyport/telemetry/admin"
)

// secretID is the id of every principal. No metric and no span may have it.
const secretID = "principal-4711"

// accounts is the demo's service, as far as the tests need it.
type accounts struct {
	demov1action.AccountServiceHandler

	log  *slog.Logger
	open chan struct{} // WatchUsers says that it runs
	end  chan struct{} // closed to end WatchUsers
}

func (a *accounts) ListUsers(ctx context.Context, _ *action.Call[demov1.ListUsersRequest]) (*demov1.ListUsersResponse, error) {
	a.log.InfoContext(ctx, "listing")
	return &demov1.ListUsersResponse{}, nil
}

func (a *accounts) WatchUsers(ctx context.Context, _ *action.Call[demov1.WatchUsersRequest], stream *action.ServerStream[demov1.WatchUsersResponse]) error {
	if err := stream.SendHeaders(); err != nil {
		return err
	}
	a.open <- struct{}{}
	select {
	case <-a.end:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// byRole takes "Authorization: ROLE".
type byRole struct{}

func (byRole) Authenticate(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	role := call.RequestHeader().Get("Authorization")
	if role == "" {
		return nil, authn.ErrNoCredential
	}
	return authn.NewPrincipal(secretID, authn.Details{Unscoped: true, Roles: []string{role}, AuthenticatedAt: time.Now()}), nil
}

func (byRole) ReportsAuthenticationTime() bool { return true }

// events keeps events.
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

func (e *events) callID() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.kept[0].CallID
}

// lookups is a cache of fixed numbers.
type lookups struct{}

func (lookups) Lookups() (hits, misses uint64) { return 7, 3 }

// A measured server, with the page that Prometheus scrapes.
type measured struct {
	*accounts

	url      string
	metrics  string
	registry *action.Registry
	events   *events
	log      *lines
	limits   *limits
}

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func newMeasured(t *testing.T, options []telemetry.Option, serving ...server.Option) *measured {
	t.Helper()
	log, events := &lines{}, &events{}
	logger := slog.New(telemetry.LogHandler(slog.NewTextHandler(log, nil)))
	counted, err := limit.NewMemory()
	if err != nil {
		t.Fatal(err)
	}
	limits := &limits{Memory: counted}
	registry, err := action.NewRegistry(authn.Schemes{"session": byRole{}, "bearer": byRole{}, "apikey": byRole{}},
		action.WithRecorder(events), action.WithLimiter(limits))
	if err != nil {
		t.Fatal(err)
	}
	accounts := &accounts{log: logger, open: make(chan struct{}), end: make(chan struct{})}
	if err := demov1action.RegisterAccountService(registry, accounts); err != nil {
		t.Fatal(err)
	}
	reader, page, err := admin.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	t.Cleanup(func() { _ = meters.Shutdown(context.Background()) })
	metered, err := telemetry.New(registry, append([]telemetry.Option{telemetry.WithMeterProvider(meters), telemetry.WithCache("tokens", lookups{})}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	srv, err := server.New(registry, append([]server.Option{server.WithLogger(logger), metered.Server()}, serving...)...)
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
	scraped := httptest.NewServer(page)
	t.Cleanup(func() {
		cancel()
		<-ended
		scraped.Close()
	})
	return &measured{accounts, "http://" + listener.Addr().String(), scraped.URL, registry, events, log, limits}
}

// client returns a client that comes as a role, with other headers.
func (m *measured) client(t *testing.T, role string, header ...string) demov1client.AccountServiceClient {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	t.Cleanup(transport.CloseIdleConnections)
	add := func(next connect.ClientFunc) connect.ClientFunc {
		return func(ctx context.Context, spec connect.Spec) (connect.ClientStream, error) {
			info, ok := connect.CallInfoForClientContext(ctx)
			if !ok {
				ctx, info = connect.NewClientContext(ctx)
			}
			if role != "" {
				info.RequestHeader().Set("Authorization", role)
			}
			for i := 0; i+1 < len(header); i += 2 {
				info.RequestHeader().Set(header[i], header[i+1])
			}
			return next(ctx, spec)
		}
	}
	return demov1client.NewAccountServiceClient(connect.NewClient(connecthttp.NewTransport(&http.Client{Transport: transport}, m.url), add))
}

// scrape reads the metrics as Prometheus does.
func (m *measured) scrape(t *testing.T) (map[string]*dto.MetricFamily, string) {
	t.Helper()
	response, err := http.Get(m.metrics)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	return families, text.String()
}

// value returns the value of the one series of a family that has these labels, and the
// number of observations of a histogram; 0 where there is none.
func value(families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	total := 0.0
	for _, series := range families[name].GetMetric() {
		have := map[string]string{}
		for _, label := range series.GetLabel() {
			have[label.GetName()] = label.GetValue()
		}
		matches := true
		for i := 0; i+1 < len(labels); i += 2 {
			matches = matches && have[labels[i]] == labels[i+1]
		}
		if matches {
			total += series.GetCounter().GetValue() + series.GetGauge().GetValue() + float64(series.GetHistogram().GetSampleCount())
		}
	}
	return total
}

// limits counts calls as the demo does, or lets only so many through.
type limits struct {
	*limit.Memory

	burst atomic.Int64 // 0 is what the action says
}

// Take implements [limit.Limiter].
func (l *limits) Take(ctx context.Context, buckets []limit.Bucket) (wait time.Duration, over int, err error) {
	fewer := slices.Clone(buckets)
	for i := range fewer {
		if burst := int(l.burst.Load()); burst > 0 {
			fewer[i].Limit.Requests, fewer[i].Limit.Window, fewer[i].Limit.Burst = 1, time.Hour, burst
		}
	}
	return l.Memory.Take(ctx, fewer)
}
