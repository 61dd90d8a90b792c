package event

import (
	"context"
	"crypto/rand"
	"net/netip"

	"github.com/sallyport-rpc/sallyport/internal/thinning"
)

// ThinningRecorder returns a [Recorder] that hands on to another what it records, but
// for some of what one caller can cause at will. Of the denials of one principal, and of
// those without a principal from one network ([authn.Peer.Network]), it hands on the
// first 20, and then one a second, with the number of those that it left out in [Event]'s
// NotRecorded; so it does with the ends of calls that the gate or the caller cut short, and
// with the answers to questions.
// The last denials of a flood are counted about a second after it.
//
// Allows, faults, handlers that fail, and calls within the process, which have no peer,
// are all handed on. The memory it takes does not grow with the number of callers: beyond
// 4,096 principals, or networks, at a time the further ones count as one.
//
// What it hands on late it hands on after the call, by a goroutine of its own. Such an
// event does not say what came of each grant, nor has it [Values]: they are not found out for
// what is left out. If the recorder fails then, the event goes to the default logger of log/slog.
func ThinningRecorder(recorder Recorder) Recorder {
	r := &thinningRecorder{Recorder: recorder}
	r.strangers = thinning.New[netip.Prefix](r.late)
	r.principals = thinning.New[string](r.late)
	return r
}

type thinningRecorder struct {
	Recorder

	strangers  *thinning.Thinner[netip.Prefix, recorded]
	principals *thinning.Thinner[string, recorded]
}

// A recorded event is one with the context that it was recorded in.
type recorded struct {
	ctx   context.Context //nolint:containedctx // it is handed on with the event
	event *Event
	draft bool // the event is not whole
}

// Record implements [Recorder].
func (r *thinningRecorder) Record(ctx context.Context, event *Event) error {
	return r.recordDraft(ctx, event, nil)
}

// A drafting records events that finish makes whole.
type drafting struct {
	*thinningRecorder

	finish func(*Event)
}

// Record implements [Recorder].
func (d drafting) Record(ctx context.Context, draft *Event) error {
	return d.recordDraft(ctx, draft, d.finish)
}

// recordDraft records an event, which finish makes whole before it is handed on. Without
// finish it is whole.
func (r *thinningRecorder) recordDraft(ctx context.Context, event *Event, finish func(*Event)) error {
	draft := finish != nil
	if !draft {
		finish = func(*Event) {}
	}
	if !thins(event) {
		finish(event)
		return r.Recorder.Record(ctx, event)
	}
	var passes bool
	var left int
	held := recorded{context.WithoutCancel(ctx), event, draft}
	if event.PrincipalID != "" {
		passes, left = r.principals.Pass(event.PrincipalID, held)
	} else {
		passes, left = r.strangers.Pass(event.Peer.Network(), held)
	}
	if !passes {
		return nil
	}
	finish(event)
	return r.Recorder.Record(ctx, counting(event, left))
}

// thins reports whether a caller can cause events of this kind at will.
func thins(event *Event) bool {
	switch {
	case event.Kind == Fault, event.Peer == nil:
		return false
	case event.Kind == Question:
		return true
	case event.Outcome != Deny:
		return false
	}
	// A fault that a stranger runs into is one of many.
	return event.Err == nil || event.PrincipalID == "" && event.Kind != Ended
}

// late hands on the last event that was left out for a while.
func (r *thinningRecorder) late(held recorded, left int) {
	event := counting(held.event, left)
	if held.draft && event.CallID == "" {
		named := *event
		named.CallID = rand.Text()
		event = &named
	}
	if Keep(held.ctx, r.Recorder, event) != nil {
		_ = Keep(held.ctx, logRecorder{}, event) // there is nowhere left to go
	}
}

// counting returns the event with the number of those that were left out before it.
func counting(event *Event, left int) *Event {
	if left == 0 {
		return event
	}
	counted := *event
	counted.NotRecorded = left
	return &counted
}
