package telemetry_test

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/server"
	"github.com/sallyport-rpc/sallyport/server/health"
	"github.com/sallyport-rpc/sallyport/telemetry"
	"github.com/sallyport-rpc/sallyport/telemetry/admin"
)

// observed serves a registry at one address and the admin pages at another. Prometheus
// finds the metrics on the admin pages, and the traces go to a collector.
func observed(ctx context.Context, registry *action.Registry, address, pages, collector string, log io.Writer) (err error) {
	logger := slog.New(telemetry.LogHandler(slog.NewTextHandler(log, nil)))

	reader, page, err := admin.Metrics()
	if err != nil {
		return err
	}
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	spans, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(collector))
	if err != nil {
		return err
	}
	tracers := sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans))
	defer func() { // what was not sent yet
		err = errors.Join(err, tracers.Shutdown(context.WithoutCancel(ctx)), meters.Shutdown(context.WithoutCancel(ctx)))
	}()

	measured, err := telemetry.New(registry, telemetry.WithMeterProvider(meters), telemetry.WithTracerProvider(tracers))
	if err != nil {
		return err
	}
	checks, err := health.New(registry)
	if err != nil {
		return err
	}
	panel, err := admin.New(registry, admin.WithAddress(pages), admin.WithMetrics(page), admin.WithHealth(checks), admin.WithLogger(logger))
	if err != nil {
		return err
	}
	srv, err := server.New(registry, server.WithAddress(address), server.WithLogger(logger), measured.Server())
	if err != nil {
		return err
	}
	return panel.Run(ctx, srv.Run)
}
