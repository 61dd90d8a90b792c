package action

import (
	"context"
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
	principal *authn.Principal
	grant     string // the name of what let the call through
	stage     Stage
	admitted  bool
}

// A step is a part of the gate: [gate.admit], or one of those for streams.
type step func(*gate, context.Context, *passage, connect.ServerStream, proto.Message) error

// enter runs the gate and leaves a decision record, whatever happens. It returns
// what the caller is told when the call is not let through.
func (p *passage) enter(ctx context.Context, step step, stream connect.ServerStream, request proto.Message) error {
	err := p.run(ctx, step, stream, request)
	if err == nil {
		err = p.allow(ctx)
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

// record hands a decision to the registry's recorder, if that keeps its outcome.
// Every record goes through here. A recorder that panics is a fault.
func (p *passage) record(ctx context.Context, outcome Outcome, describe func() Decision) (err error) {
	defer func() {
		if recovered := recover(); recovered != nil {
			err = panicked(p.stage, recovered)
		}
	}()
	if p.gate.registry.recorder.Enabled(ctx, outcome) {
		p.gate.registry.recorder.Record(ctx, describe())
	}
	return nil
}

// allow records that the call was let through. One whose record panics is not.
func (p *passage) allow(ctx context.Context) error {
	return p.record(ctx, Allow, func() Decision { return p.decision(Allow) })
}

// deny records why the call was not let through and returns what the caller is
// told.
func (p *passage) deny(ctx context.Context, cause error) *connect.Error {
	reason := denialOf(cause)
	decision := p.denied(ctx, reason)
	p.gate.challenge(ctx, reason.forChallenge(decision.MissingScopes))
	_ = p.record(ctx, Deny, func() Decision { return decision }) // it is denied either way
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
	_ = p.record(ctx, Deny, func() Decision { return decision }) // a fault is kept where denials are
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
