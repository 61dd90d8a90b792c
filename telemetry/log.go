package telemetry

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/trace"

	"github.com/sallyport-rpc/sallyport/action"
)

// LogHandler returns a handler that adds to each record what finds its call: trace_id and
// span_id of its span, and call, the id of its events, unless the record has one. They
// come from the context, so a handler of an action logs with InfoContext and its like.
// It hands everything to the given handler; nil is that of [slog.Default].
func LogHandler(handler slog.Handler) slog.Handler {
	if handler == nil {
		handler = slog.Default().Handler()
	}
	return logHandler{handler}
}

type logHandler struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h logHandler) Handle(ctx context.Context, record slog.Record) error {
	span := trace.SpanContextFromContext(ctx)
	id := action.CallID(ctx)
	if id == "" && !span.IsValid() {
		return h.Handler.Handle(ctx, record)
	}
	named := false
	record.Attrs(func(attribute slog.Attr) bool {
		named = attribute.Key == "call"
		return !named
	})
	record = record.Clone()
	if id != "" && !named {
		record.AddAttrs(slog.String("call", id))
	}
	if span.IsValid() {
		record.AddAttrs(slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs implements [slog.Handler].
func (h logHandler) WithAttrs(attributes []slog.Attr) slog.Handler {
	return logHandler{h.Handler.WithAttrs(attributes)}
}

// WithGroup implements [slog.Handler].
func (h logHandler) WithGroup(group string) slog.Handler {
	return logHandler{h.Handler.WithGroup(group)}
}
