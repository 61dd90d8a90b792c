package action

import (
	"context"
	"fmt"
	"slices"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
)

// A Question asks about one call that is not made.
type Question struct {
	// Procedure is the action: "/demo.v1.AccountService/DeleteUser".
	Procedure string
	// Request is what it would be called with. It is not changed.
	Request proto.Message
	// Resource is what the action is about, for a program that has it at hand. It is taken
	// as the object that Request names, and is not changed. Nil has the action's own loader
	// load it.
	Resource proto.Message
}

// May reports what the gate would decide if the principal made a call, without
// making it: what a user interface needs to grey out a button. It is the same gate,
// with the principal in place of a credential, and without the handler. It asks no limit
// and uses none up.
//
// The principal is one that a gate let through, such as [Call.Principal], or one that
// the program made, with its scheme in [authn.Details]; on an action that does not
// name its scheme it is denied, as its credential would be. A nil principal is a
// caller who is not signed in.
//
// The answer is recorded as an event of kind [event.Question], and observers are given it.
// The registry must be sealed, as it is when it is served; until then everything is denied.
func (r *Registry) May(ctx context.Context, principal *authn.Principal, question Question) event.Decision {
	pass, reason := r.ask(ctx, principal, question)
	decision := pass.decision(event.Allow)
	if reason != nil {
		decision = pass.denied(ctx, reason)
	}
	pass.observed(ctx, event.Question, decision.Outcome, decision.Code)
	if r.recorder != nil && r.keeps(ctx, event.Question, decision.Outcome) {
		event := pass.event(ctx, event.Question, decision)
		event.Values = pass.values()
		r.record(ctx, event)
	}
	return decision
}

// ask takes a question through the gate of its action. The reason is nil where it lets
// the call through.
func (r *Registry) ask(ctx context.Context, principal *authn.Principal, question Question) (*passage, *denial) {
	nowhere := &passage{stage: event.StageDecode, gate: &gate{registry: r, procedure: foreign(question.Procedure, maxPath)}}
	if !r.sealed.Load() {
		return nowhere, &denial{public: errInternal, reason: "the registry is not sealed"}
	}
	gate := r.procedures[question.Procedure]
	if gate == nil {
		return nowhere, &denial{public: errNoAction, reason: "there is no such action"}
	}
	pass := &passage{gate: gate}
	if err := pass.rehearse(ctx, principal, question); err != nil {
		return pass, denialOf(err)
	}
	return pass, nil
}

// errNoAction is what a question about an action that is not there is answered.
var errNoAction = connect.NewError(connect.CodeUnimplemented, "there is no such action")

// MayEach answers many questions, as [Registry.May] does each, in their order.
func (r *Registry) MayEach(ctx context.Context, principal *authn.Principal, questions ...Question) []event.Decision {
	decisions := make([]event.Decision, len(questions))
	for i, question := range questions {
		decisions[i] = r.May(ctx, principal, question)
	}
	return decisions
}

// rehearse is [gate.admit] with a request in hand and a principal in place of a
// credential.
func (p *passage) rehearse(ctx context.Context, principal *authn.Principal, question Question) (err error) {
	request := question.Request
	defer func() {
		if recovered := recover(); recovered != nil {
			err = panicked(p.stage, recovered)
		}
	}()
	p.stage = event.StageDecode
	p.clock()
	if isNil(request) || request.ProtoReflect().Descriptor().FullName() != p.gate.request {
		return &denial{public: errMalformed, reason: fmt.Sprintf("the request of the question is not a %s", p.gate.request)}
	}
	if err := p.gate.validate(ctx, p, request); err != nil {
		return err
	}
	if err := p.gate.recognize(p, principal); err != nil {
		return err
	}
	decide := (*gate).decide
	if !isNil(question.Resource) {
		if err := p.given(question.Resource); err != nil {
			return err
		}
		decide = (*gate).authorize
	}
	if err := decide(p.gate, ctx, p, request); err != nil {
		return err
	}
	return p.gate.mayTakeIn(ctx, p, request)
}

// given takes an object that the question has in place of loading it.
func (p *passage) given(object proto.Message) error {
	if about := p.gate.about; about == nil || object.ProtoReflect().Descriptor().FullName() != about.Type.FullName() {
		return &denial{public: errMalformed, reason: "the resource of the question is not what the action is about"}
	}
	p.more().resource, p.more().load = object, event.LoadGiven
	return nil
}

// recognize is [gate.findPrincipal] with a principal in place of a credential.
func (g *gate) recognize(pass *passage, principal *authn.Principal) error {
	pass.stage = event.StageAuthenticate
	switch {
	case len(g.schemes) == 0:
		return nil
	case principal == nil || principal.ID() == "":
		return &denial{public: errUnauthenticated, reason: "no credential offered", credential: authn.NoCredential}
	case !slices.ContainsFunc(g.schemes, func(s scheme) bool { return s.name == principal.Scheme() }):
		return &denial{public: errUnauthenticated, reason: fmt.Sprintf("the action does not take scheme %q", principal.Scheme())}
	}
	if err := g.holdClaims(principal.Scheme(), principal); err != nil {
		return err
	}
	pass.principal = principal.Bound(principal.Scheme(), g.registry.hierarchy.Load())
	return g.stale(pass)
}
