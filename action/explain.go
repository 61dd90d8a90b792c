package action

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/condition"
)

// A GrantOutcome says what came of one grant of an action.
type GrantOutcome struct {
	// Grant names it by its place: "allow[0]".
	Grant string
	// Conditions are what it asks for, in the order in which they are looked at.
	Conditions []ConditionOutcome
}

// A ConditionOutcome says what came of one condition of a grant.
type ConditionOutcome struct {
	// Condition is it, as declared: "any_role admin".
	Condition string
	// Held is whether it was found to hold.
	Held bool
	// Why says what it was looked at with: roles and scopes that the principal has,
	// values of the fields that an expression reads. Fields marked debug_redact are
	// not shown.
	Why string
}

// explanation makes the outcomes of a denial. It looks at every grant again, which
// is done for denials alone and only where somebody keeps them.
func (g *gate) explanation(ctx context.Context, input condition.Input, principal *authn.Principal) []GrantOutcome {
	outcomes := make([]GrantOutcome, len(g.grants))
	for i := range g.grants {
		outcomes[i] = GrantOutcome{
			Grant:      fmt.Sprintf("allow[%d]", i),
			Conditions: g.grants[i].explain(ctx, input, principal),
		}
	}
	return outcomes
}

func (g *grant) explain(ctx context.Context, input condition.Input, principal *authn.Principal) []ConditionOutcome {
	var outcomes []ConditionOutcome
	held := true
	note := func(outcome ConditionOutcome) {
		outcomes = append(outcomes, outcome)
		held = held && outcome.Held
	}
	if len(g.anyRole) > 0 {
		note(ConditionOutcome{
			Condition: "any_role " + strings.Join(g.declared.GetAnyRole(), ", "),
			Held:      slices.ContainsFunc(g.anyRole, principal.CarriesRole),
			Why:       fmt.Sprintf("principal.roles is %q", principal.Roles()),
		})
	}
	if len(g.allScopes) > 0 {
		note(ConditionOutcome{
			Condition: "all_scopes " + strings.Join(g.declared.GetAllScopes(), ", "),
			Held:      carriesAll(principal, g.allScopes),
			Why:       fmt.Sprintf("principal.scopes is %q", principal.Scopes()),
		})
	}
	if g.condition != nil {
		note(explainCondition(ctx, g.condition, input))
	}
	if g.check != nil {
		// It is not asked again: it may be slow, and may answer otherwise by now. Had it
		// been asked and held, this grant would have let the call through.
		why := "it was not asked, as the grant asks for more that does not hold"
		if held {
			why = "it said no, or could not say"
		}
		note(ConditionOutcome{Condition: "check " + g.declared.GetCheck(), Why: why})
	}
	return outcomes
}

func explainCondition(ctx context.Context, expression *condition.Expression, input condition.Input) ConditionOutcome {
	outcome := ConditionOutcome{Condition: "cel " + expression.Text()}
	if input.Request == nil && expression.ReadsRequest() {
		outcome.Why = "there was no request to read"
		return outcome
	}
	held, err := expression.Holds(ctx, &input)
	if outcome.Held = held; err != nil {
		outcome.Why = err.Error()
		return outcome
	}
	var values []string
	for _, read := range expression.Reads() {
		if value := read.Value(input); value != "" {
			values = append(values, read.Name+" is "+value)
		}
	}
	outcome.Why = strings.Join(values, ", ")
	return outcome
}

// summary writes outcomes in one line, those that did not hold alone.
func summary(outcomes []GrantOutcome) string {
	var text strings.Builder
	for i, outcome := range outcomes {
		if i > 0 {
			text.WriteString("; ")
		}
		text.WriteString(outcome.Grant)
		for _, condition := range outcome.Conditions {
			if !condition.Held {
				fmt.Fprintf(&text, ": %s: %s", condition.Condition, condition.Why)
			}
		}
	}
	return text.String()
}

// missingScopes returns the scopes that stand between the principal and a grant of
// which everything else holds, and nil where there is no such grant.
func (g *gate) missingScopes(outcomes []GrantOutcome, principal *authn.Principal) []string {
	for i, outcome := range outcomes {
		if len(g.grants[i].allScopes) == 0 || carriesAll(principal, g.grants[i].allScopes) {
			continue
		}
		others := slices.ContainsFunc(outcome.Conditions, func(condition ConditionOutcome) bool {
			return !condition.Held && !strings.HasPrefix(condition.Condition, "all_scopes ")
		})
		if others {
			continue
		}
		var missing []string
		for _, scope := range g.grants[i].declared.GetAllScopes() {
			if !principal.CarriesScope(scope) {
				missing = append(missing, scope)
			}
		}
		return missing
	}
	return nil
}
