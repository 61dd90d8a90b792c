package action

import (
	"context"
	"slices"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/limit"
)

// Observe adds an observer of all gates of the registry. Calls that are under way may
// pass it by. A nil observer is left out.
func (r *Registry) Observe(observer event.Observer) {
	if isNil(observer) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var observers []event.Observer
	if known := r.observers.Load(); known != nil {
		observers = slices.Clone(*known)
	}
	observers = append(observers, observer)
	r.observers.Store(&observers)
}

// observe gives an observation to the observers.
func (r *Registry) observe(ctx context.Context, observation event.Observation) {
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
	r.observe(ctx, event.Observation{Kind: event.Refused, Procedure: procedure, Code: connect.CodeResourceExhausted, Shed: true})
}

// A stopwatch measures the steps of one passage.
type stopwatch struct {
	since time.Time
	stage event.Stage
	steps [event.StageHandle]time.Duration
}

// begin begins to measure the passage, where an observer wants that.
func (p *passage) begin() {
	if p.gate.registry.observers.Load() != nil {
		p.more().watch = &stopwatch{since: time.Now(), stage: event.StageHandle}
	}
}

// step says which step of the gate runs from now on.
func (p *passage) step(stage event.Stage) {
	p.stage = stage
	if p.extras != nil && p.extras.watch != nil {
		p.extras.watch.change(stage)
	}
}

// change ends a step and begins the next.
func (w *stopwatch) change(stage event.Stage) {
	now := time.Now()
	if w.stage < event.StageHandle {
		w.steps[w.stage] += now.Sub(w.since)
	}
	w.since, w.stage = now, stage
}

// observed tells the observers what was decided on the passage.
func (p *passage) observed(ctx context.Context, kind event.Kind, outcome event.Outcome, code connect.Code) {
	p.observedOver(ctx, kind, outcome, code, 0)
}

// observedDenial tells the observers why the passage was denied.
func (p *passage) observedDenial(ctx context.Context, kind event.Kind, reason *denial) {
	p.observedOver(ctx, kind, event.Deny, reason.public.Code(), reason.per)
}

func (p *passage) observedOver(ctx context.Context, kind event.Kind, outcome event.Outcome, code connect.Code, per limit.Per) {
	registry := p.gate.registry
	if registry.observers.Load() == nil {
		return
	}
	observation := event.Observation{
		Kind: kind, Procedure: p.gate.procedure, Stream: p.gate.streams(), Outcome: outcome, Stage: p.stage, Code: code, Limit: per,
	}
	if !p.start.IsZero() {
		observation.Duration = registry.now().Sub(p.start)
	}
	if kind == event.Question && registry.procedures[observation.Procedure] == nil {
		observation.Procedure = "" // who asks chose it
	}
	if outcome == event.Allow {
		observation.Grant = p.gate.policy.Grant(p.grant)
	}
	if p.extras != nil && p.extras.watch != nil && (kind == event.Decided || kind == event.Opened) {
		p.extras.watch.change(event.StageHandle)
		observation.Steps = p.extras.watch.steps
	}
	registry.observe(ctx, observation)
}
