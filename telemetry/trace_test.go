package telemetry_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/telemetry"
)

// A collector takes spans by OTLP over HTTP.
type collector struct {
	url string

	mu    sync.Mutex
	spans []*tracev1.Span
	text  string
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{}
	served := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		export := &collectorv1.ExportTraceServiceRequest{}
		if err := errors.Join(err, proto.Unmarshal(body, export)); err != nil || request.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", request.URL.Path, err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, resource := range export.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				c.spans = append(c.spans, scope.GetSpans()...)
			}
		}
		c.text += fmt.Sprint(export)
		answer, _ := proto.Marshal(&collectorv1.ExportTraceServiceResponse{})
		writer.Header().Set("Content-Type", "application/x-protobuf")
		_, _ = writer.Write(answer)
	}))
	t.Cleanup(served.Close)
	c.url = served.URL
	return c
}

func attributesOf(span *tracev1.Span) map[string]string {
	found := map[string]string{}
	for _, attribute := range span.GetAttributes() {
		found[attribute.GetKey()] = attribute.GetValue().GetStringValue()
	}
	return found
}

const (
	callersTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	traceparent  = "00-" + callersTrace + "-00f067aa0ba902b7-01"
)

// TestTraces sends spans to a collector.
func TestTraces(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options []telemetry.Option
		same    bool // the span is part of the caller's trace
	}{
		"linked":  {},
		"trusted": {options: []telemetry.Option{telemetry.WithTrustedTraces()}, same: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			collector := newCollector(t)
			exporter, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpointURL(collector.url+"/v1/traces"))
			if err != nil {
				t.Fatal(err)
			}
			tracers := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
			t.Cleanup(func() { _ = tracers.Shutdown(context.Background()) })
			m := newMeasured(t, append(test.options, telemetry.WithTracerProvider(tracers)))
			if _, err := m.client(t, "admin", "Traceparent", traceparent).ListUsers(t.Context(), &demov1.ListUsersRequest{}); err != nil {
				t.Fatal(err)
			}
			collector.mu.Lock()
			defer collector.mu.Unlock()
			if len(collector.spans) != 1 {
				t.Fatalf("got %d spans", len(collector.spans))
			}
			span := collector.spans[0]
			id := hex.EncodeToString(span.GetTraceId())
			if span.GetName() != listUsers || (id == callersTrace) != test.same {
				t.Errorf("got span %s of trace %s", span.GetName(), id)
			}
			if !test.same && (len(span.GetLinks()) != 1 || hex.EncodeToString(span.GetLinks()[0].GetTraceId()) != callersTrace) {
				t.Errorf("got links %v", span.GetLinks())
			}
			got := attributesOf(span)
			for key, want := range map[string]string{
				"sallyport.call_id": m.events.callID(), "sallyport.outcome": "allow", "sallyport.stage": "handle", "sallyport.grant": "allow[0]",
			} {
				if got[key] != want {
					t.Errorf("%s is %q, want %q", key, got[key], want)
				}
			}
			if strings.Contains(collector.text, secretID) {
				t.Error("a span has the id of a principal")
			}
			line := m.log.String()
			for _, want := range []string{"msg=listing", "call=" + m.events.callID(), "trace_id=" + id, fmt.Sprintf("span_id=%x", span.GetSpanId())} {
				if !strings.Contains(line, want) {
					t.Errorf("the log has no %s:\n%s", want, line)
				}
			}
		})
	}
}

func TestOptionsRefused(t *testing.T) {
	t.Parallel()
	for name, option := range map[string]telemetry.Option{
		"nil option":      nil,
		"tracer provider": telemetry.WithTracerProvider(nil),
		"meter provider":  telemetry.WithMeterProvider(nil),
		"propagator":      telemetry.WithPropagator(nil),
		"nil cache":       telemetry.WithCache("x", nil),
		"unnamed cache":   telemetry.WithCache("", lookups{}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry, err := action.NewRegistry(nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := telemetry.New(registry, option); err == nil {
				t.Error("it was taken")
			}
		})
	}
	if _, err := telemetry.New(nil); err == nil {
		t.Error("a nil registry was taken")
	}
}
