package action

import (
	"context"
	"log/slog"

	"github.com/sallyport-rpc/sallyport/internal/policy"
	"github.com/sallyport-rpc/sallyport/internal/wire"
)

// A Recorder keeps decisions. Every call leaves one.
//
// Implementations must be safe for concurrent use, and should return soon: a call
// waits for its record.
type Recorder interface {
	// Enabled reports whether decisions with the outcome are kept. Where it is
	// false none is made, which is what makes a call that nobody reads about cheap.
	Enabled(ctx context.Context, outcome Outcome) bool
	// Record keeps one decision.
	Record(ctx context.Context, decision Decision)
}

// LogRecorder returns a [Recorder] that writes decisions to a logger: allows at
// debug, denials at info, faults at error, in at most about four kilobytes each. It
// thins what strangers are denied, as [ThinningRecorder] does. A nil logger is
// [slog.Default] as it is at the time of each call.
func LogRecorder(logger *slog.Logger) Recorder { return ThinningRecorder(logRecorder{logger}) }

// mostLogged is how many bytes of a log the longest attributes of a decision may take.
const mostLogged = 1500

type logRecorder struct{ logger *slog.Logger }

func (r logRecorder) to() *slog.Logger {
	if r.logger == nil {
		return slog.Default()
	}
	return r.logger
}

func (r logRecorder) Enabled(ctx context.Context, outcome Outcome) bool {
	if outcome == Allow {
		return r.to().Enabled(ctx, slog.LevelDebug)
	}
	return r.to().Enabled(ctx, slog.LevelError) // it may be a fault
}

func (r logRecorder) Record(ctx context.Context, decision Decision) {
	attributes := make([]slog.Attr, 0, 12)
	attributes = append(attributes,
		slog.String("procedure", decision.Procedure),
		slog.String("stage", decision.Stage.String()),
		slog.String("outcome", decision.Outcome.String()),
		slog.String("principal", decision.PrincipalID),
		slog.String("scheme", decision.Scheme),
		slog.String("grant", decision.Grant),
		slog.Duration("duration", decision.Duration),
	)
	if decision.Code != 0 {
		attributes = append(attributes, slog.String("code", decision.Code.String()), slog.String("reason", decision.Reason))
	}
	if len(decision.Grants) > 0 {
		attributes = append(attributes, slog.String("grants", wire.Shorten(policy.Summary(decision.Grants), mostLogged)))
	}
	if decision.Err != nil {
		attributes = append(attributes, slog.String("error", wire.Shorten(decision.Err.Error(), mostLogged)))
	}
	if decision.NotRecorded > 0 {
		attributes = append(attributes, slog.Int("not_recorded", decision.NotRecorded))
	}
	level := slog.LevelInfo
	switch {
	case decision.Err != nil:
		level = slog.LevelError
	case decision.Outcome == Allow:
		level = slog.LevelDebug
	}
	r.to().LogAttrs(ctx, level, "decision", attributes...)
}
