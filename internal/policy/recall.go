package policy

import (
	"context"
	"strings"
)

// A Recalled says what comes of deciding a call again of which not all is known. Its zero
// value is undecided.
type Recalled struct {
	// Decided is whether what is known decides the call. Allowed and Grant are those of
	// its decision.
	Decided, Allowed bool
	Grant            string
	// Lacks names what is read and not known, each once, of what is not decided.
	Lacks []string
	// Grants say what came of each grant.
	Grants []RecalledGrant
}

// A RecalledGrant says what came of one grant, by its name.
type RecalledGrant struct {
	Grant      string
	Conditions []RecalledCondition
}

// A RecalledCondition says what came of one condition. Unknown is whether it reads what is
// not known: it is not held then.
type RecalledCondition struct {
	ConditionOutcome

	Unknown bool
}

// Recall decides a call again by its grants, as [Policy.Decide] does. Known reports of a
// name that conditions read, as [Values] has them, whether the input has it. A grant with
// a condition that does not hold is out, whatever else it reads; one that reads what is
// not known may hold. The credential's scopes are for [Policy.Sufficient].
func (p *Policy) Recall(ctx context.Context, input Input, known func(name string) bool) Recalled {
	var recalled Recalled
	if p == nil || !p.anyone && input.Principal == nil {
		recalled.Decided = true
		return recalled
	}
	if p.anyone {
		return Recalled{Decided: true, Allowed: true, Grant: Anyone}
	}
	var lacks []string
	for i := range p.grants {
		outcome, held, unknown := p.grants[i].recall(ctx, input, known)
		recalled.Grants = append(recalled.Grants, outcome)
		switch {
		case held && len(unknown) == 0 && !recalled.Allowed:
			recalled.Allowed, recalled.Grant = true, outcome.Grant
		case held:
			lacks = append(lacks, unknown...)
		}
	}
	if recalled.Decided = recalled.Allowed || len(lacks) == 0; recalled.Decided {
		return recalled
	}
	seen := map[string]bool{}
	for _, name := range lacks {
		if !seen[name] {
			seen[name] = true
			recalled.Lacks = append(recalled.Lacks, name)
		}
	}
	return recalled
}

// recall reports whether all conditions of which all is known hold, and what is not known
// of the others.
func (g *grant) recall(ctx context.Context, input Input, known func(string) bool) (outcome RecalledGrant, held bool, unknown []string) {
	outcome, held = RecalledGrant{Grant: g.name, Conditions: make([]RecalledCondition, len(g.conditions))}, len(g.conditions) > 0
	for i, condition := range g.conditions {
		of := RecalledCondition{ConditionOutcome: ConditionOutcome{Condition: condition.String()}}
		var lacks []string
		for _, read := range condition.reads() {
			if !known(read.name) {
				lacks = append(lacks, read.name)
			}
		}
		switch {
		case len(lacks) > 0:
			unknown = append(unknown, lacks...)
			of.Unknown, of.Why = true, "it is not known: "+strings.Join(lacks, ", ")
		case condition.needsRequest && input.Request == nil:
			of.Why, held = noRequest, false
		case condition.needsResource && input.Resource == nil:
			of.Why, held = noResource, false
		default:
			holds, err := condition.holds(ctx, input)
			_, of.Why = condition.explain(ctx, input, false)
			switch condition.requirement.(type) {
			case check, related:
				of.Why = "it was asked"
			}
			if err != nil {
				of.Why = err.Error()
			}
			of.Held = holds && err == nil
			held = held && of.Held
		}
		outcome.Conditions[i] = of
	}
	return outcome, held, unknown
}
