package action

import (
	"context"
	"slices"
	"time"

	"connectrpc.com/connect/v2"
)

// An Observer is given what gates do, to measure it. It gets no ids and nothing that a
// caller chose, and makes no difference to any decision: its panics are held. It must
// be safe for concurrent use and must not block, since calls wait for it.
type Observer interface {
	// Observe is called once for each thing that an [Event] could be made of, also where
	// the recorder does not keep it, and for each recheck of a stream that finds all as it was. The
	// context is the call's.
	Observe(ctx context.Context, observation Observation)
}

// An Observation is one thing that a gate did. Its texts come from declarations and
// not from callers, so there are few of each.
type Observation struct {
	// Kind is what happened, as in an [Event].
	Kind EventKind
	// Procedure is the action. It is empty for a call that was refused before a gate.
	Procedure string
	// Stream says that the action is a stream.
	Stream bool
	// Outcome, Stage, Code and Grant are those of the [Decision].
	Outcome Outcome
	Stage   Stage
	Code    connect.Code
	Grant   string
	// Shed says that the server had no room for the call: Kind is [EventRefused], and
	// the call may leave a decision as well.
	Shed bool
	// Duration is the time that the gate took; of an end, that from the gate to the end.
	Duration time.Duration
	// Steps are how long each step of the gate took, by its [Stage]; a step that did
	// not run took none. Decoding includes the wait for the message. They are there for
	// what lets a call in or denies it, and otherwise zero.
	Steps [StageHandle]time.Duration
}

// Observe adds an observer of all gates of the registry. Calls that are under way may
// pass it by. A nil observer is left out.
func (r *Registry) Observe(observer Observer) {
	if isNil(observer) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var observers []Observer
	if known := r.observers.Load(); known != nil {
		observers = slices.Clone(*known)
	}
	observers = append(observers, observer)
	r.observers.Store(&observers)
}

// observe gives an observation to the observers.
func (r *Registry) observe(ctx context.Context, observation Observation) {
	observers := r.observers.Load()
	if observers == nil {
		return
	}
	for _, observer := range *observers {
		func() {
			defer func() { _ = recover() }()
			observer.Observe(ctx, observation)
		}()
	}
}

// RecordShed tells the observers that the server had no room for a call. It is for
// packages that serve a registry; the event of the call is the gate's to make.
func (r *Registry) RecordShed(ctx context.Context, procedure string) {
	if r.procedures[procedure] == nil {
		procedure = ""
	}
	r.observe(ctx, Observation{Kind: EventRefused, Procedure: procedure, Code: connect.CodeResourceExhausted, Shed: true})
}

// A stopwatch measures the steps of one passage.
type stopwatch struct {
	since time.Time
	stage Stage
	steps [StageHandle]time.Duration
}

// begin begins to measure the passage, where an observer wants that.
func (p *passage) begin() {
	if p.gate.registry.observers.Load() != nil {
		p.more().watch = &stopwatch{since: time.Now(), stage: StageHandle}
	}
}

// step says which step of the gate runs from now on.
func (p *passage) step(stage Stage) {
	p.stage = stage
	if p.extras != nil && p.extras.watch != nil {
		p.extras.watch.change(stage)
	}
}

// change ends a step and begins the next.
func (w *stopwatch) change(stage Stage) {
	now := time.Now()
	if w.stage < StageHandle {
		w.steps[w.stage] += now.Sub(w.since)
	}
	w.since, w.stage = now, stage
}

// observed tells the observers what was decided on the passage.
func (p *passage) observed(ctx context.Context, kind EventKind, outcome Outcome, code connect.Code) {
	registry := p.gate.registry
	if registry.observers.Load() == nil {
		return
	}
	observation := Observation{
		Kind: kind, Procedure: p.gate.procedure, Stream: p.gate.streams(), Outcome: outcome, Stage: p.stage, Code: code,
	}
	if !p.start.IsZero() {
		observation.Duration = registry.now().Sub(p.start)
	}
	if outcome == Allow {
		observation.Grant = p.gate.policy.Grant(p.grant)
	}
	if p.extras != nil && p.extras.watch != nil && (kind == EventDecided || kind == EventOpened) {
		p.extras.watch.change(StageHandle)
		observation.Steps = p.extras.watch.steps
	}
	registry.observe(ctx, observation)
}
