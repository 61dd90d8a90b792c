package action

import (
	"context"
	"fmt"

	"github.com/sallyport-rpc/sallyport/action/event"
)

// WithRecorder sets what keeps the events. By default they go to the default logger
// of log/slog, as [event.LogRecorder] says. A nil recorder is refused. Of this option and
// [WithRequiredRecorder] the last one counts.
func WithRecorder(recorder event.Recorder) RegistryOption {
	return registryOption(func(r *Registry) { r.recorder, r.recorderRequired = recorder, false })
}

// WithRequiredRecorder sets what keeps the events, and lets no handler run whose event
// of kind [event.Decided] or [event.Opened] was not kept: the caller is answered
// unavailable. The recorder is not asked whether these are enabled. By default no
// recorder is required. A nil recorder is refused.
func WithRequiredRecorder(recorder event.Recorder) RegistryOption {
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
func (r *Registry) keeps(ctx context.Context, kind event.Kind, outcome event.Outcome) bool {
	return r.recorderRequired && kind.Admits(outcome) || event.Enabled(ctx, r.recorder, kind, outcome)
}

// record keeps an event. Every event is recorded through it. What the recorder does
// not keep goes to the default logger, with the reason. mayRun is false where a handler
// must not run for that.
func (r *Registry) record(ctx context.Context, e *event.Event) (mayRun bool) {
	return r.recordDraft(ctx, e, nil)
}

// recordDraft is record for an event of which finish makes what is costly, if it is kept.
// Without finish the event is whole.
func (r *Registry) recordDraft(ctx context.Context, e *event.Event, finish func(*event.Event)) (mayRun bool) {
	err := event.KeepDraft(ctx, r.recorder, e, finish)
	if err == nil {
		return true
	}
	elsewhere := r.elsewhere
	if elsewhere == nil {
		elsewhere = event.LogRecorder(nil)
	}
	fault := &event.Event{Kind: event.Fault, CallID: e.CallID, RequestID: e.RequestID, Peer: e.Peer, Contract: e.Contract}
	fault.Procedure, fault.Time = e.Procedure, e.Time
	fault.Reason, fault.Err = fmt.Sprintf("an event of kind %s was not kept", e.Kind), err
	// There is nowhere left to go with an error of these.
	_ = event.Keep(ctx, elsewhere, e)
	_ = event.Keep(ctx, elsewhere, fault)
	return !r.recorderRequired
}
