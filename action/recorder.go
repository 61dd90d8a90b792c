package action

import (
	"context"
	"errors"
	"fmt"
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
	Enabled(ctx context.Context, kind EventKind, outcome Outcome) bool
	// Record keeps one event. An error says that it was not kept. The context is the
	// call's; it does not end with the call where the event is about its end.
	Record(ctx context.Context, event *Event) error
}

// WithRecorder sets what keeps the events. By default they go to the default logger
// of log/slog, as [LogRecorder] says. A nil recorder is refused. Of this option and
// [WithRequiredRecorder] the last one counts.
func WithRecorder(recorder Recorder) RegistryOption {
	return registryOption(func(r *Registry) { r.recorder, r.recorderRequired = recorder, false })
}

// WithRequiredRecorder sets what keeps the events, and lets no handler run whose event
// of kind [EventDecided] or [EventOpened] was not kept: the caller is answered
// unavailable. The recorder is not asked whether these are enabled. By default no
// recorder is required. A nil recorder is refused.
func WithRequiredRecorder(recorder Recorder) RegistryOption {
	return registryOption(func(r *Registry) { r.recorder, r.recorderRequired = recorder, true })
}

// WithEventValues has events carry the values that the conditions of their actions
// read. By default they carry none.
func WithEventValues() RegistryOption {
	return registryOption(func(r *Registry) { r.eventValues = true })
}

// WithMessageEvents has each message that a stream's gate passes leave an event. By
// default only a message that is refused does.
func WithMessageEvents() RegistryOption {
	return registryOption(func(r *Registry) { r.messageEvents = true })
}

// keeps reports whether an event is to be made.
func (r *Registry) keeps(ctx context.Context, kind EventKind, outcome Outcome) (keeps bool) {
	if r.recorderRequired && admits(kind, outcome) {
		return true
	}
	defer func() {
		if recover() != nil {
			keeps = true // what cannot say no is given the event
		}
	}()
	return r.recorder.Enabled(ctx, kind, outcome)
}

// admits reports whether an event says that a handler is about to run.
func admits(kind EventKind, outcome Outcome) bool {
	return outcome == Allow && (kind == EventDecided || kind == EventOpened)
}

// record keeps an event. Every event is recorded through it. What the recorder does
// not keep goes to the default logger, with the reason. mayRun is false where a handler
// must not run for that.
func (r *Registry) record(ctx context.Context, event *Event) (mayRun bool) {
	err := keep(ctx, r.recorder, event)
	if err == nil {
		return true
	}
	elsewhere := logRecorder{}
	fault := &Event{Kind: EventFault, CallID: event.CallID, RequestID: event.RequestID, Peer: event.Peer, Contract: event.Contract}
	fault.Procedure, fault.Time = event.Procedure, event.Time
	fault.Reason, fault.Err = fmt.Sprintf("an event of kind %s was not kept", event.Kind), err
	// There is nowhere left to go with an error of these.
	_ = keep(ctx, elsewhere, event)
	_ = keep(ctx, elsewhere, fault)
	return !r.recorderRequired
}

// keep hands an event to a recorder and holds its panics.
func keep(ctx context.Context, recorder Recorder, event *Event) (err error) {
	defer func() {
		if recovered := recover(); recovered != nil {
			err = panicked(StageHandle, recovered).err
		}
	}()
	if recorder == nil {
		return errors.New("there is no recorder")
	}
	return recorder.Record(ctx, event)
}
