package action

import (
	"context"
	"errors"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
)

// A passage is one call's way through the gate. Its zero value has not been let
// through.
type passage struct {
	gate      *gate
	start     time.Time
	stage     Stage
	principal *authn.Principal
	grant     string // the name of what let the call through
	ended     bool   // the stream of requests ended before its first message
	again     bool   // the caller is looked at again, and not as a front door found it
	admitted  bool
}

// A step is a part of the gate: [gate.admit], or one of those for streams.
type step func(*gate, context.Context, *passage, connect.ServerStream, proto.Message) error

// begin starts a call's way through the gate.
func (g *gate) begin() passage {
	return passage{gate: g}
}

// enter runs the gate and leaves a decision record, whatever happens. It returns
// what the caller is told when the call is not let through.
func (p *passage) enter(ctx context.Context, step step, stream connect.ServerStream, request proto.Message) (err error) {
	defer func() {
		if recovered := recover(); recovered != nil {
			p.admitted = false
			err = p.deny(ctx, panicked(p.stage, recovered))
		}
	}()
	if err := step(p.gate, ctx, p, stream, request); err != nil {
		return p.deny(ctx, err)
	}
	p.allow(ctx)
	p.admitted = true
	return nil
}

// allow records that the call was let through.
func (p *passage) allow(ctx context.Context) {
	if p.gate.registry.recorder.Enabled(ctx, Allow) {
		p.gate.registry.recorder.Record(ctx, p.decision(Allow))
	}
}

// deny records why the call was not let through and returns what the caller is
// told.
func (p *passage) deny(ctx context.Context, cause error) *connect.Error {
	reason, ok := errors.AsType[*denial](cause)
	if !ok {
		reason = fault(cause)
	}
	decision := p.denied(ctx, reason)
	p.gate.challenge(ctx, reason.forChallenge(decision.MissingScopes))
	p.record(ctx, decision)
	return reason.public
}

// record keeps a denial.
func (p *passage) record(ctx context.Context, decision Decision) {
	if p.gate.registry.recorder.Enabled(ctx, Deny) {
		p.gate.registry.recorder.Record(ctx, decision)
	}
}

// clock notes when the gate began to look at the call: not before the request was
// there, so that what is decided about the time is about now.
func (p *passage) clock() {
	if p.start.IsZero() {
		p.start = p.gate.registry.now()
	}
}

// denied describes a denial.
func (p *passage) denied(ctx context.Context, reason *denial) Decision {
	decision := p.decision(Deny)
	decision.Code, decision.Reason, decision.Err = reason.public.Code(), reason.reason, reason.err
	decision.MaxAge = reason.maxAge
	if asked := reason.asked; asked != nil {
		decision.Grants = asked.policy.Explain(ctx, asked.input)
		decision.MissingScopes = asked.policy.MissingScopes(ctx, asked.input)
	}
	return decision
}

// recoverHandler turns a panic of the handler into an error that tells the caller
// nothing. It is deferred.
func (p *passage) recoverHandler(ctx context.Context, err *error) {
	if recovered := recover(); recovered != nil {
		*err = p.handlerFault(ctx, panicked(StageHandle, recovered).err)
	}
}

// handlerFault records that a handler failed in a way that is not an answer.
func (p *passage) handlerFault(ctx context.Context, cause error) error {
	decision := p.decision(Allow)
	decision.Code, decision.Reason, decision.Err = connect.CodeInternal, "the handler failed", cause
	p.gate.registry.recorder.Record(ctx, decision)
	return errInternal
}

// decision describes the passage as it stands.
func (p *passage) decision(outcome Outcome) Decision {
	decision := Decision{
		Procedure: p.gate.procedure,
		Outcome:   outcome,
		Stage:     p.stage,
		Time:      p.start,
	}
	if !p.start.IsZero() {
		decision.Duration = p.gate.registry.now().Sub(p.start)
	}
	if p.principal != nil {
		decision.PrincipalID, decision.Scheme = p.principal.ID(), p.principal.Scheme()
	}
	if outcome == Allow {
		decision.Grant = p.grant
	}
	return decision
}
