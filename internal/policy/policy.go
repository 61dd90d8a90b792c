package policy

import (
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// ErrCost says that a condition ran over its cost bound.
var ErrCost = condition.ErrCost

// Anyone names, in place of a grant, what lets a caller through where no grant needs
// to hold.
const Anyone = "anyone"

// An Input is what one decision is about. The zero Input has no principal, and no
// grant holds for it.
type Input struct {
	// Principal is who calls.
	Principal *authn.Principal
	// Request is what is asked for. It is nil on a stream of which nothing was read:
	// no condition that needs the request holds then.
	Request proto.Message
	// Resource is what the action is about, as it was loaded. It is nil where the action
	// declares none, and where it was not loaded or is not there: no condition that needs
	// the resource holds then.
	Resource proto.Message
	// Value is, for a rule of who may write a field, the message with the field as it would
	// become. It is nil elsewhere: no condition on the value holds then.
	Value proto.Message
	// Now is when the call is looked at.
	Now time.Time
	// Answers, where it is not nil, is given the answer of each check that is asked,
	// by the check's name, and of each relation, by its text. The same question about a
	// relation is asked once then.
	Answers map[string]bool
}

// A Decision is what came of looking at the grants. Its zero value denies.
type Decision struct {
	// Allowed is whether a grant holds.
	Allowed bool
	// Place is the one that does, by its position, or [AnyonePlace].
	Place int32
	// Insufficient is whether the credential is scoped and does not carry what the
	// action needs of one. The grants were not looked at then.
	Insufficient bool
}

// AnyonePlace stands in place of a grant's position where no grant needs to hold.
const AnyonePlace = -1

// Grant says, for people, which grant is at a place: its name or its position, or
// [Anyone]. It is empty for a place that the
// policy does not have.
func (p *Policy) Grant(place int32) string {
	switch {
	case place == AnyonePlace:
		return Anyone
	case p == nil || place < 0 || int(place) >= len(p.grants):
		return ""
	default:
		return p.grants[place].name
	}
}

// GrantName returns the name that the grant at a place is declared with. It is empty
// for a grant without one, for [AnyonePlace], and for a place that the policy does not
// have.
func (p *Policy) GrantName(place int32) string {
	if p == nil || place < 0 || int(place) >= len(p.grants) || !p.grants[place].named {
		return ""
	}
	return p.grants[place].name
}

// A Policy is what one action allows. It is immutable and safe for concurrent use.
// The zero Policy, and a nil one, allow nothing.
type Policy struct {
	anyone bool
	grants []grant
	// credentialScopes are what a scoped credential needs; none where none is taken.
	credentialScopes []string
	keeping          condition.Keeping
	needsRequest     bool // a grant, what says of elements, or the key of the resource reads the request
	relates          bool // some grant asks a relation engine
	// fresh is whether callers must have authenticated not too long ago. Who asks does
	// that before it decides, see [FreshnessOf].
	fresh bool
}

// A grant is one way to be let through: all of its conditions must hold.
type grant struct {
	name       string
	named      bool // it is declared with the name
	conditions []compiled
}

// A compiled condition is a requirement with what is known of it before any call.
type compiled struct {
	requirement

	text          string // the condition as declared, for explanations
	needsRequest  bool
	needsResource bool
	// roles and expression are those of a requirement that is nothing else, which is
	// decided without a call through it.
	roles      []string
	expression *condition.Expression
}

// lacks reports whether the input does not have what the condition is about.
func (c *compiled) lacks(input *Input) bool {
	return c.needsRequest && input.Request == nil || c.needsResource && input.Resource == nil
}

// decide is holds, and takes the input where it is.
func (c *compiled) decide(ctx context.Context, input *Input) (bool, error) {
	switch {
	case c.expression != nil:
		return holds(ctx, c.expression, input)
	case c.roles != nil:
		return carriesOne(input.Principal, c.roles), nil
	default:
		return c.holds(ctx, *input)
	}
}

// New returns what a declaration allows. The checks are those that it names, by
// their names; a check that is not among them never holds. What decides a relation is
// among them by the relation's text.
func New(declaration *declare.Declaration, checks map[string]CheckFunc) *Policy {
	return NewRelating(declaration, checks, nil)
}

// NewRelating is New with what decides those relations that are not among the checks. With
// nil they never hold.
func NewRelating(declaration *declare.Declaration, checks map[string]CheckFunc, relations RelationFunc) *Policy {
	policy := &Policy{
		anyone: declaration.Anyone, grants: compileGrants(declaration.Grants, Deciders{Checks: checks, Relations: relations}),
		credentialScopes: slices.Clone(declaration.CredentialScopes),
		fresh:            declaration.MaxAge > 0,
	}
	var key []condition.Read
	if declaration.Resource != nil {
		policy.needsRequest = true
		key = append(key, condition.OfRequest(declaration.Resource.Key))
	}
	// What the elements of an answer are held against reads the request as well.
	all := slices.Clone(policy.grants)
	for _, each := range declaration.Each {
		all = append(all, compileGrants(each.Grants, Deciders{})...)
	}
	for _, grant := range all {
		for _, condition := range grant.conditions {
			policy.needsRequest = policy.needsRequest || condition.needsRequest
			_, relates := condition.requirement.(related)
			policy.relates = policy.relates || relates
		}
	}
	policy.keeping = keepingOf(all, key)
	return policy
}

// compileGrants makes declared grants ready to be decided.
func compileGrants(declared []declare.Grant, by Deciders) []grant {
	grants := make([]grant, len(declared))
	for i, declared := range declared {
		made := grant{name: declared.Name, named: declared.Named, conditions: make([]compiled, len(declared.Conditions))}
		for j, declared := range declared.Conditions {
			made.conditions[j] = newCompiled(compile(declared, by), declared.ReadsRequest())
		}
		grants[i] = made
	}
	return grants
}

func newCompiled(of requirement, needsRequest bool) compiled {
	made := compiled{requirement: of, text: of.String(), needsRequest: needsRequest}
	switch of := of.(type) {
	case anyRole:
		made.roles = of.Unfolded
	case cel:
		made.expression = of.Expression
	case when:
		made.expression = of.Expression
	}
	made.needsResource = made.expression.ReadsSubject()
	if of, ok := of.(related); ok {
		made.needsResource = of.OfSubject
	}
	return made
}

// keepingOf returns what keeps what the grants read of requests, and further reads: all of
// the request where one of them asks a check.
func keepingOf(grants []grant, all []condition.Read) condition.Keeping {
	for _, grant := range grants {
		for _, compiled := range grant.conditions {
			reads := compiled.reads()
			ofRequest := slices.ContainsFunc(reads, func(read read) bool { return read.of.OfRequest() })
			if compiled.needsRequest && !ofRequest {
				return condition.KeepAll() // what it reads of it is not known
			}
			for _, read := range reads {
				all = append(all, read.of)
			}
		}
	}
	return condition.NewKeeping(all)
}

// Kept is what [Policy.Keep] kept of a request.
type Kept = condition.Kept

// Keep makes kept of a request: the grants decide for [Kept.Request] as they do for the
// request now, also when that has changed since. Kept has what they read alone, or all of
// the request where they ask a check.
func (p *Policy) Keep(kept *Kept, request proto.Message) {
	p.keeping.Keep(kept, request)
}

// NeedsRequest reports whether some grant, what the action is about, or which elements of its
// answers may be seen cannot be known without the request.
func (p *Policy) NeedsRequest() bool { return p != nil && p.needsRequest }

// Decide looks at the credential's scopes, and then at the grants in the order written;
// the first that holds lets the call through. With an error the call is denied, even if a later grant would hold: an
// error next to an allow is no allow. It allocates nothing of its own.
func (p *Policy) Decide(ctx context.Context, input Input) (Decision, error) {
	switch {
	case p == nil:
		return Decision{}, nil
	case !p.Sufficient(input.Principal):
		return Decision{Insufficient: true}, nil
	case p.anyone:
		return Decision{Allowed: true, Place: AnyonePlace}, nil
	case input.Principal == nil:
		return Decision{}, nil
	}
	for i := range p.grants {
		holds, err := p.grants[i].holds(ctx, &input)
		if err != nil {
			return Decision{}, err
		}
		if holds {
			return Decision{Allowed: true, Place: int32(i)}, nil
		}
	}
	return Decision{}, nil
}

// holds reports whether every condition of the grant holds. A grant without
// conditions never holds.
func (g *grant) holds(ctx context.Context, input *Input) (bool, error) {
	for i := range g.conditions {
		condition := &g.conditions[i]
		if condition.lacks(input) {
			return false, nil // there is no request, or no resource, for it to be true of
		}
		holds, err := condition.decide(ctx, input)
		if err != nil || !holds {
			return false, err
		}
	}
	return len(g.conditions) > 0, nil
}
