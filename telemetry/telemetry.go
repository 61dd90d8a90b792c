package telemetry

import (
	"context"
	"errors"

	"connectrpc.com/connect/v2"
	"connectrpc.com/otelconnect"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/internal/option"
	"github.com/sallyport-rpc/sallyport/server"
)

// name is that of the instrumentation.
const name = "github.com/sallyport-rpc/sallyport/telemetry"

// An Option changes what [New] measures and where that goes.
type Option interface{ option.Option[settings] }

type settings struct {
	tracers    trace.TracerProvider
	meters     metric.MeterProvider
	propagator propagation.TextMapPropagator
	trusted    bool
	caches     []namedCache
	logs       []namedLog
}

// WithTracerProvider sets where spans go. By default it is the global provider of otel.
func WithTracerProvider(provider trace.TracerProvider) Option {
	return option.Func[settings](func(s *settings) error {
		if provider == nil {
			return errors.New("telemetry: the tracer provider is nil")
		}
		s.tracers = provider
		return nil
	})
}

// WithMeterProvider sets where metrics go. By default it is the global provider of otel.
func WithMeterProvider(provider metric.MeterProvider) Option {
	return option.Func[settings](func(s *settings) error {
		if provider == nil {
			return errors.New("telemetry: the meter provider is nil")
		}
		s.meters = provider
		return nil
	})
}

// WithPropagator sets how the traces of callers are read. By default it is the
// traceparent header of W3C.
func WithPropagator(propagator propagation.TextMapPropagator) Option {
	return option.Func[settings](func(s *settings) error {
		if propagator == nil {
			return errors.New("telemetry: the propagator is nil")
		}
		s.propagator = propagator
		return nil
	})
}

// WithTrustedTraces makes spans part of the traces that callers name. It is for servers
// that only the organization's own programs reach: a caller chooses the id of the trace,
// and whether it is sampled. By default a span begins a trace of its own that links to
// the caller's.
func WithTrustedTraces() Option {
	return option.Func[settings](func(s *settings) error {
		s.trusted = true
		return nil
	})
}

// A Cache counts how often it was asked for an answer that it had, and that it had not.
// The cache of package authn/cache is one.
type Cache interface {
	Lookups() (hits, misses uint64)
}

type namedCache struct {
	name string
	Cache
}

// WithCache measures a cache under a name. By default none is measured.
func WithCache(name string, cache Cache) Option {
	return option.Func[settings](func(s *settings) error {
		if cache == nil || name == "" {
			return errors.New("telemetry: a cache is nil, or has no name")
		}
		s.caches = append(s.caches, namedCache{name, cache})
		return nil
	})
}

// An AuditLog counts what it was given and what it did with it. The log of package audit
// is one, and says what each number is.
type AuditLog interface {
	Events() (stored, dropped uint64, waiting int)
	Checkpoints() (signed uint64, uncovered int64)
	Failures() (writes, checkpoints, places uint64)
}

type namedLog struct {
	name string
	AuditLog
}

// WithAuditLog measures an audit log under a name that the program gives it: the name that
// the log has in its database differs at each start. By default none is measured.
func WithAuditLog(name string, log AuditLog) Option {
	return option.Func[settings](func(s *settings) error {
		if log == nil || name == "" {
			return errors.New("telemetry: an audit log is nil, or has no name")
		}
		s.logs = append(s.logs, namedLog{name, log})
		return nil
	})
}

// Telemetry measures the calls of one registry. Make it with [New].
type Telemetry struct {
	interceptors []connect.ServerInterceptor
}

// New measures what the gates of a registry do. The calls of a server are measured once
// it has the option that [Telemetry.Server] returns. The error joins all that is wrong.
func New(registry *action.Registry, options ...Option) (*Telemetry, error) {
	if registry == nil {
		return nil, errors.New("telemetry: the registry is nil")
	}
	chosen := &settings{tracers: otel.GetTracerProvider(), meters: otel.GetMeterProvider(), propagator: propagation.TraceContext{}}
	if err := option.Apply("telemetry", chosen, options); err != nil {
		return nil, err
	}
	calls := []otelconnect.Option{
		otelconnect.WithTracerProvider(chosen.tracers),
		otelconnect.WithMeterProvider(chosen.meters),
		otelconnect.WithPropagator(chosen.propagator),
	}
	if chosen.trusted {
		calls = append(calls, otelconnect.WithTrustRemote())
	}
	call, err := otelconnect.NewServerInterceptor(calls...)
	if err != nil {
		return nil, err
	}
	gates, err := newMeasurements(chosen.meters.Meter(name))
	if err != nil {
		return nil, err
	}
	if err := observeState(chosen.meters.Meter(name), registry, chosen.caches); err != nil {
		return nil, err
	}
	if err := observeLogs(chosen.meters.Meter(name), chosen.logs); err != nil {
		return nil, err
	}
	registry.Observe(gates)
	return &Telemetry{interceptors: []connect.ServerInterceptor{call, nameCall}}, nil
}

// Server returns the option of a server whose calls are traced and measured.
func (t *Telemetry) Server() server.Option { return server.WithInterceptors(t.interceptors...) }

// nameCall gives a call its id before its gate does, so that its span and what its
// handler logs have the id of its events.
func nameCall(next connect.ServerFunc) connect.ServerFunc {
	return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
		ctx, id := action.WithCallID(ctx)
		if span := trace.SpanFromContext(ctx); span.IsRecording() {
			span.SetAttributes(attribute.String("sallyport.call_id", id))
		}
		return next(ctx, spec, stream)
	}
}
