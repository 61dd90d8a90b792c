package action

import (
	"context"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/field"
)

// A passage is one call's way through the gate. Its zero value has not been let
// through.
type passage struct {
	gate      *gate
	start     time.Time
	principal *authn.Principal
	identity  *identity  // of the call, for events; nil until one is made
	extras    *extras    // what few passages have; nil on all others
	grant     int32      // the place of the grant that let the call through
	kind      event.Kind // of the event of a denial; none stands for [event.Decided]
	stage     event.Stage
	admitted  bool
}

// extras are what a passage has besides where a registry asks for it. They are apart
// since each call allocates its passage.
type extras struct {
	watch *stopwatch // measures the steps, for observers
	basis *asked     // what the grants were looked at with, for event values

	shadow event.Shadow // what the action's shadow would have decided

	resource proto.Message // what the action is about; nil until it is loaded, and where it is not
	load     event.Load    // what came of loading it

	request proto.Message // what rules read of the request, where they do when its handler has it

	cleared *field.Cleared // of what was answered, since the caller may not read it; nil for nothing
}

// more returns the extras of the passage, to set one.
func (p *passage) more() *extras {
	if p.extras == nil {
		p.extras = &extras{}
	}
	return p.extras
}

// A step is a part of the gate: [gate.admit], or one of those for streams.
type step func(*gate, context.Context, *passage, connect.ServerStream, proto.Message) error

// enter runs the gate and leaves an event, also where a step panics. It returns what the
// caller is answered when the call is not let through.
func (p *passage) enter(ctx context.Context, step step, stream connect.ServerStream, request proto.Message) error {
	p.begin()
	err := p.run(ctx, step, stream, request)
	if err == nil {
		err = p.recordAllow(ctx, p.gate.admission())
	}
	if err != nil {
		return p.deny(ctx, err)
	}
	p.admitted = true
	return nil
}

// run runs a part of the gate. A panic is a fault.
func (p *passage) run(ctx context.Context, step step, stream connect.ServerStream, request proto.Message) (err error) {
	defer func() {
		if recovered := recover(); recovered != nil {
			err = panicked(p.stage, recovered)
		}
	}()
	return step(p.gate, ctx, p, stream, request)
}

// deny records why the call was not let through and returns what the caller is
// answered.
func (p *passage) deny(ctx context.Context, cause error) *connect.Error {
	p.clock()
	reason := denialOf(cause)
	sayWhen(ctx, reason.comeAgain)
	p.gate.challenge(ctx, reason.forChallenge(reason.missingScopes(ctx)))
	p.recordDeny(ctx, event.Decided, reason)
	return reason.public
}

// clock notes when the gate began to look at the call: not before the request was
// there, so that what is decided about the time is about now.
func (p *passage) clock() {
	if p.start.IsZero() {
		p.start = p.gate.registry.now()
	}
}

// denied describes a denial.
func (p *passage) denied(ctx context.Context, reason *denial) event.Decision {
	decision := p.outline(ctx, reason)
	decision.Grants = reason.outcomes(ctx)
	return decision
}

// outline describes a denial, but for what came of each grant, which takes longer to find
// than the decision took.
func (p *passage) outline(ctx context.Context, reason *denial) event.Decision {
	decision := p.decision(event.Deny)
	decision.Code, decision.Reason, decision.Err = reason.public.Code(), reason.reason, reason.err
	decision.MaxAge, decision.MissingScopes = reason.maxAge, reason.missingScopes(ctx)
	return decision
}

// decision describes the passage as it stands.
func (p *passage) decision(outcome event.Outcome) event.Decision {
	decision := event.Decision{
		Procedure: p.gate.procedure,
		Outcome:   outcome,
		Stage:     p.stage,
		Time:      p.start,
	}
	if !p.start.IsZero() {
		decision.Duration = p.gate.registry.now().Sub(p.start)
	}
	if p.extras != nil {
		decision.Shadow, decision.Load = p.extras.shadow, p.extras.load
	}
	if p.principal != nil {
		decision.PrincipalID, decision.Scheme, decision.Scoped = p.principal.ID(), p.principal.Scheme(), p.principal.Scoped()
	}
	if outcome == event.Allow {
		decision.Grant = p.gate.policy.Grant(p.grant)
	}
	return decision
}
