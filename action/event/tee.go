package event

import (
	"context"
	"errors"
	"log/slog"
	"slices"
)

// Tee returns a [Recorder] that hands events to a first recorder and to others beside it.
// What the first answers is the answer: whether an event was kept never depends on the
// others, whose errors go to the default logger of log/slog. A nil recorder keeps nothing.
func Tee(first Recorder, beside ...Recorder) Recorder {
	return tee{anyOf(append([]Recorder{first}, beside...))}
}

// A tee is enabled for what any of its recorders is.
type tee struct{ anyOf }

// Record implements [Recorder].
func (r tee) Record(ctx context.Context, event *Event) error {
	err := Keep(ctx, r.anyOf[0], event)
	for _, recorder := range r.anyOf[1:] {
		if failed := handOn(ctx, recorder, event); failed != nil {
			slog.Default().ErrorContext(ctx, "an event was not kept by a recorder beside the first", "kind", event.Kind.String(), "error", failed)
		}
	}
	return err
}

// AnyOf returns a [Recorder] that hands events to all of its recorders, and has kept one
// where at least one of them has. Without a recorder it keeps nothing.
func AnyOf(recorders ...Recorder) Recorder { return anyOf(recorders) }

type anyOf []Recorder

// Enabled implements [Recorder].
func (r anyOf) Enabled(ctx context.Context, kind Kind, outcome Outcome) bool {
	return slices.ContainsFunc(r, func(recorder Recorder) bool {
		return recorder != nil && Enabled(ctx, recorder, kind, outcome)
	})
}

// Record implements [Recorder].
func (r anyOf) Record(ctx context.Context, event *Event) error {
	if len(r) == 0 {
		return errors.New("there is no recorder")
	}
	var errs []error
	for _, recorder := range r {
		if err := handOn(ctx, recorder, event); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) < len(r) {
		return nil
	}
	return errors.Join(errs...)
}

// handOn hands an event to a recorder that asks for its kind. One that must not be left
// out reaches every recorder: it lets a handler run.
func handOn(ctx context.Context, recorder Recorder, event *Event) error {
	if recorder != nil && !event.Kind.Admits(event.Outcome) && !Enabled(ctx, recorder, event.Kind, event.Outcome) {
		return nil
	}
	return Keep(ctx, recorder, event)
}
