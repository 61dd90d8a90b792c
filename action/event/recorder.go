package event

import (
	"context"
	"errors"

	"github.com/sallyport-rpc/sallyport/internal/recovered"
)

// A Recorder keeps events.
//
// Implementations must be safe for concurrent use, and should return soon: a call
// waits for its events. A recorder that panics or fails changes no decision, unless
// it is a required one: what it did not keep goes to the default logger of log/slog.
type Recorder interface {
	// Enabled reports whether events of a kind with an outcome are kept. Where it is
	// false none is made, which is what makes a call that no reader waits for cheap. An
	// end has the outcome [Deny] where the handler failed or the gate ended the call.
	Enabled(ctx context.Context, kind Kind, outcome Outcome) bool
	// Record keeps one event. An error says that it was not kept. The context is the
	// call's; it does not end with the call where the event is about its end.
	Record(ctx context.Context, event *Event) error
}

// Keep hands an event to a recorder, as every event of a registry is. A panic of the
// recorder becomes an error that has no value of the panic; a nil recorder is an error.
func Keep(ctx context.Context, recorder Recorder, event *Event) (err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			err = recovered.New("the recorder", thrown)
		}
	}()
	if recorder == nil {
		return errors.New("there is no recorder")
	}
	return recorder.Record(ctx, event)
}

// KeepDraft hands an event to a recorder as [Keep] does. It has finish make what of the
// event is costly to make, which is not needed where a [ThinningRecorder] leaves the event
// out. Nothing else may have the event by then. Without finish the event is whole.
func KeepDraft(ctx context.Context, recorder Recorder, draft *Event, finish func(*Event)) error {
	if finish == nil {
		return Keep(ctx, recorder, draft)
	}
	if thinning, ok := recorder.(*thinningRecorder); ok {
		return Keep(ctx, drafting{thinning, finish}, draft)
	}
	finish(draft)
	return Keep(ctx, recorder, draft)
}

// Enabled asks a recorder whether it keeps events of a kind with an outcome, as it is
// asked about every event of a registry. A recorder that panics, as a nil one does, is
// given the event.
func Enabled(ctx context.Context, recorder Recorder, kind Kind, outcome Outcome) (enabled bool) {
	defer func() {
		if recover() != nil {
			enabled = true // what cannot say no is given the event
		}
	}()
	return recorder.Enabled(ctx, kind, outcome)
}
