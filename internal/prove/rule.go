package prove

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// A Rule is grants about a message: who may read a field of it, or which elements of a list
// an action answers with. The zero Rule holds of nothing.
type Rule struct {
	// Name is what the rule is called where something is wrong with it, such as "field
	// acme.v1.User.email". Required.
	Name string
	// Subject is the message that the rule is about, as its conditions call it. Required,
	// also of a rule of which no condition reads it.
	Subject condition.Subject
	// Grants are the ways to meet the rule, and Anyone is whether every caller meets it.
	Grants []declare.Grant
	Anyone bool
	// Within is an action that the rule is asked in: its roles and claims are those of
	// callers. Required.
	Within *declare.Declaration
	// OfRequest is whether conditions read the action's request, as those about elements of
	// a list do.
	OfRequest bool
}

// side is the rule as a side of a question.
func (r Rule) side() *side {
	of := without(r.Within)
	of.Procedure, of.Grants, of.Anyone, of.Resource, of.CredentialScopes = r.Name, r.Grants, r.Anyone, nil, nil
	made := newSide(of)
	made.subject, made.isRule, made.hasRequest = r.Subject, true, r.OfRequest
	if !r.OfRequest {
		made.request = new(emptypb.Empty).ProtoReflect().Descriptor()
	}
	return made
}

// CompareRules compares what two rules hold of: for every principal, let in by the
// action or not, and every message of their type, of which nothing is assumed. Where they read
// a request, it is one that the validation rules accept.
func (p *Prover) CompareRules(ctx context.Context, old, updated Rule) (Comparison, error) {
	return p.prover.compareSides(ctx, old.side, updated.side)
}

// Compare is [Compare].
func (p *Prover) Compare(ctx context.Context, old, updated *declare.Declaration) (Comparison, error) {
	return p.prover.compare(ctx, old, updated)
}
