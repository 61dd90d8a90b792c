package main

import (
	"context"
	"errors"
	"fmt"

	"connectrpc.com/otelconnect"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/server"
	"github.com/sallyport-rpc/sallyport/telemetry"
)

// A collected is an SDK of OpenTelemetry: each call has a span, which is exported to
// nowhere, and its metrics are read once, at the end.
type collected struct {
	reader *metric.ManualReader
	meters *metric.MeterProvider
	traces *trace.TracerProvider
}

func newCollected() *collected {
	reader := metric.NewManualReader()
	return &collected{
		reader,
		metric.NewMeterProvider(metric.WithReader(reader)),
		trace.NewTracerProvider(trace.WithBatcher(tracetest.NewNoopExporter())),
	}
}

// otelconnectAlone has the interceptor that package telemetry is made of.
func otelconnectAlone(context.Context) (*observer, error) {
	sdk := newCollected()
	call, err := otelconnect.NewServerInterceptor(otelconnect.WithMeterProvider(sdk.meters), otelconnect.WithTracerProvider(sdk.traces))
	if err != nil {
		return nil, err
	}
	return &observer{
		registry: func(*action.Registry) (server.Option, error) { return server.WithInterceptors(call), nil },
		count:    sdk.counter("rpc.server.call.duration"),
		close:    sdk.shutdown,
	}, nil
}

// withTelemetry has package telemetry, as docs/guides/telemetry.md has it.
func withTelemetry(context.Context) (*observer, error) {
	sdk := newCollected()
	return &observer{
		registry: func(registry *action.Registry) (server.Option, error) {
			measured, err := telemetry.New(registry, telemetry.WithMeterProvider(sdk.meters), telemetry.WithTracerProvider(sdk.traces))
			if err != nil {
				return nil, err
			}
			return measured.Server(), nil
		},
		count: sdk.counter("sallyport.decisions"),
		close: sdk.shutdown,
	}, nil
}

func (c *collected) shutdown() {
	ctx := context.Background()
	_ = errors.Join(c.meters.Shutdown(ctx), c.traces.Shutdown(ctx)) // nothing is left to lose
}

// counter returns a function that reads how many calls a metric has counted.
func (c *collected) counter(name string) func(context.Context) (kept, lost int64, err error) {
	return func(ctx context.Context) (kept, lost int64, err error) {
		var all metricdata.ResourceMetrics
		if err := c.reader.Collect(ctx, &all); err != nil {
			return 0, 0, err
		}
		var names []string
		for _, scope := range all.ScopeMetrics {
			for _, found := range scope.Metrics {
				if names = append(names, found.Name); found.Name == name {
					return total(found.Data), 0, nil
				}
			}
		}
		return 0, 0, fmt.Errorf("there is no metric %s among %q", name, names)
	}
}

// total returns the sum of a counter, or how many values a histogram has.
func total(data metricdata.Aggregation) int64 {
	var sum int64
	switch data := data.(type) {
	case metricdata.Sum[int64]:
		for _, point := range data.DataPoints {
			sum += point.Value
		}
	case metricdata.Histogram[float64]:
		for _, point := range data.DataPoints {
			sum += int64(point.Count) //nolint:gosec // no run has so many
		}
	}
	return sum
}
