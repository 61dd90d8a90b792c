package policy

import (
	"context"
	"strings"
)

// A GrantOutcome says what came of one grant of an action.
type GrantOutcome struct {
	// Grant names it: "allow[0]".
	Grant string
	// Conditions are its conditions, in the order in which they are looked at.
	Conditions []ConditionOutcome
}

// A ConditionOutcome says what came of one condition of a grant.
type ConditionOutcome struct {
	// Condition is the condition as declared: "any_role admin".
	Condition string
	// Held is whether it was found to hold.
	Held bool
	// Why says what it was looked at with. It shows values of the request, but not
	// those of fields marked debug_redact, and no whole list.
	Why string
}

// Explain returns what comes of each grant. It looks at every condition of every
// grant but for checks and relations, which are not asked again. It is for denials.
func (p *Policy) Explain(ctx context.Context, input Input) []GrantOutcome {
	if p == nil {
		return nil
	}
	outcomes := make([]GrantOutcome, len(p.grants))
	for i := range p.grants {
		outcomes[i] = p.grants[i].explain(ctx, input)
	}
	return outcomes
}

func (g *grant) explain(ctx context.Context, input Input) GrantOutcome {
	outcome := GrantOutcome{Grant: g.name, Conditions: make([]ConditionOutcome, len(g.conditions))}
	all := true
	for i := range g.conditions {
		condition := &g.conditions[i]
		of := ConditionOutcome{Condition: condition.text}
		switch {
		case input.Principal == nil:
			of.Why = "there was no principal"
		case condition.needsRequest && input.Request == nil:
			of.Why = noRequest
		case condition.needsResource && input.Resource == nil:
			of.Why = noResource
		default:
			of.Held, of.Why = condition.explain(ctx, input, all)
		}
		all = all && of.Held
		outcome.Conditions[i] = of
	}
	return outcome
}

// Summary writes what came of grants on one line: those conditions that did not hold.
func Summary(outcomes []GrantOutcome) string {
	size := 0
	for _, outcome := range outcomes {
		size += len(outcome.Grant) + len("; ")
		for _, condition := range outcome.Conditions {
			size += len(condition.Condition) + len(condition.Why) + len(": : ")
		}
	}
	var line strings.Builder
	line.Grow(size)
	for i, outcome := range outcomes {
		if i > 0 {
			line.WriteString("; ")
		}
		line.WriteString(outcome.Grant)
		for _, condition := range outcome.Conditions {
			if !condition.Held {
				line.WriteString(": ")
				line.WriteString(condition.Condition)
				line.WriteString(": ")
				line.WriteString(condition.Why)
			}
		}
	}
	return line.String()
}
