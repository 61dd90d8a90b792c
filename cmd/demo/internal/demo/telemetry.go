package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/audit"
	"github.com/sallyport-rpc/sallyport/server"
	"github.com/sallyport-rpc/sallyport/server/health"
	"github.com/sallyport-rpc/sallyport/telemetry"
	"github.com/sallyport-rpc/sallyport/telemetry/admin"
)

// What the program declares of gRPC's own services, whose .proto files are not the demo's.
const (
	healthDeclaration     = `authenticate: {anonymous: "probes have no credential"} authorize: {anyone: "it says whether the demo works, and nothing about its users"} stream: {authorize: OPEN}`
	reflectionDeclaration = `authenticate: {schemes: ["session", "bearer", "apikey"]} authorize: {anyone: "a caller sees what it may call"} stream: {authorize: OPEN}`
)

// flushing is how long the last traces and metrics may take to be sent.
const flushing = 5 * time.Second

// A watching is what the demo is watched by: health for probes, telemetry, and the admin
// pages, where they are asked for.
type watching struct {
	options []server.Option
	panel   *admin.Panel // nil where there is none
	flush   []func(context.Context) error
}

// parseCollector reads -otlp.
func parseCollector(text string) (*url.URL, error) {
	address, err := url.Parse(text)
	if err != nil || address.Host == "" || address.Scheme != "http" && address.Scheme != "https" {
		return nil, errors.New("-otlp must be a URL such as http://127.0.0.1:4318")
	}
	return address, nil
}

// newTelemetry registers gRPC's health service and makes what config asks for.
func newTelemetry(ctx context.Context, registry *action.Registry, config config, needed []component, trail *audit.Log, log *slog.Logger) (*watching, error) {
	checked := []health.Option{health.WithLogger(log), health.WithTimeout(healthPatience)}
	for _, component := range needed {
		if component.required {
			checked = append(checked, health.WithCheck("", component.name, component.check))
		}
	}
	checks, err := health.New(registry, checked...)
	if err != nil {
		return nil, err
	}
	if err := checks.Register(registry, healthDeclaration); err != nil {
		return nil, err
	}
	watching := &watching{}
	if config.admin == "" && config.otlp == nil {
		return watching, nil
	}
	var meters []metric.Option
	if config.admin != "" {
		reader, page, err := admin.Metrics()
		if err != nil {
			return nil, err
		}
		meters = append(meters, metric.WithReader(reader))
		watching.panel, err = admin.New(registry, admin.WithAddress(config.admin), admin.WithMetrics(page), admin.WithHealth(checks), admin.WithLogger(log))
		if err != nil {
			return nil, err
		}
	}
	tracers, sent, err := exporters(ctx, config.otlp)
	if err != nil {
		return nil, err
	}
	meterProvider := metric.NewMeterProvider(append(meters, sent...)...)
	tracerProvider := trace.NewTracerProvider(tracers...)
	watching.flush = append(watching.flush, meterProvider.Shutdown, tracerProvider.Shutdown)
	measuring := []telemetry.Option{telemetry.WithMeterProvider(meterProvider), telemetry.WithTracerProvider(tracerProvider)}
	if trail != nil {
		measuring = append(measuring, telemetry.WithAuditLog("calls", trail))
	}
	measured, err := telemetry.New(registry, measuring...)
	if err != nil {
		return nil, err
	}
	watching.options = append(watching.options, measured.Server())
	return watching, nil
}

// exporters send traces and metrics to a collector, or nowhere.
func exporters(ctx context.Context, collector *url.URL) ([]trace.TracerProviderOption, []metric.Option, error) {
	if collector == nil {
		return []trace.TracerProviderOption{trace.WithSampler(trace.NeverSample())}, nil, nil
	}
	spans, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(collector.JoinPath("v1/traces").String()))
	if err != nil {
		return nil, nil, fmt.Errorf("send traces to %s: %w", shown(collector), err)
	}
	metrics, err := otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(collector.JoinPath("v1/metrics").String()))
	if err != nil {
		return nil, nil, fmt.Errorf("send metrics to %s: %w", shown(collector), err)
	}
	service := resource.NewWithAttributes(semconv.SchemaURL, semconv.ServiceName("sallyport-demo"))
	return []trace.TracerProviderOption{trace.WithBatcher(spans), trace.WithResource(service)},
		[]metric.Option{metric.WithReader(metric.NewPeriodicReader(metrics)), metric.WithResource(service)}, nil
}

// around serves, with the admin pages beside it where they are asked for.
func (w *watching) around(ctx context.Context, serve func(context.Context) error) error {
	if w.panel == nil {
		return serve(ctx)
	}
	return w.panel.Run(ctx, serve)
}

// close sends what was not sent yet.
func (w *watching) close() {
	ctx, cancel := context.WithTimeout(context.Background(), flushing)
	defer cancel()
	for _, flush := range w.flush {
		_ = flush(ctx) // a collector that is away loses what it does not take
	}
}
