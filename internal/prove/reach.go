package prove

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// A Reach is what a role lets its holders do.
type Reach struct {
	// Role is the role, or "" for callers without any.
	Role string
	// Actions are what they are let into by a grant that no caller without a role
	// satisfies or, of callers without a role, all that they are let into.
	Actions []ReachedAction
	// Undecided are the actions of which it is not decided.
	Undecided []ReachedAction
}

// A ReachedAction is an action, and the grants that let callers into it.
type ReachedAction struct {
	// Procedure is the action.
	Procedure string `json:"procedure"`
	// Grants are the names of its grants, or "anyone".
	Grants []string `json:"grants"`
}

// Reaches returns what each role of the declarations' catalogues reaches, by the names of
// the roles, after what callers without a role reach. A caller of a role has no other one,
// but for those that it includes. Checks may say yes. Anonymous actions are left out: all
// callers reach them.
func Reaches(declarations []*declare.Declaration) ([]Reach, error) {
	return NewProver(nil, false).Reaches(context.Background(), declarations)
}

func (p *prover) reach(ctx context.Context, declarations []*declare.Declaration) ([]Reach, error) {
	r := &reaching{prover: p, ctx: ctx, reaches: map[string]*Reach{"": {}}}
	for _, declaration := range declarations {
		if declaration.Anonymous() {
			continue
		}
		side := newSide(declaration)
		for _, role := range side.roles() {
			if r.reaches[role] == nil {
				r.reaches[role] = &Reach{Role: role}
			}
		}
		if declaration.Anyone {
			r.note("", declaration, policy.Anyone, Refuted)
		}
		for _, grant := range declaration.Grants {
			if err := r.grant(side, grant); err != nil {
				return nil, fmt.Errorf("%s: %w", declaration.Procedure, err)
			}
		}
	}
	made := make([]Reach, 0, len(r.reaches))
	for _, reach := range r.reaches {
		made = append(made, *reach)
	}
	slices.SortFunc(made, func(a, b Reach) int { return strings.Compare(a.Role, b.Role) })
	return made, nil
}

// reaching is the state of finding out what roles reach.
type reaching struct {
	ctx     context.Context //nolint:containedctx // of one call of it
	prover  *prover
	reaches map[string]*Reach
}

// note notes that a grant lets in a caller of a role, which an outcome refutes of it being
// let in by none.
func (r *reaching) note(role string, declaration *declare.Declaration, grant string, outcome Outcome) {
	reach := r.reaches[role]
	switch outcome {
	case Refuted:
		reach.Actions = appendGrant(reach.Actions, declaration.Procedure, grant)
	case Open:
		reach.Undecided = appendGrant(reach.Undecided, declaration.Procedure, grant)
	case Proved:
	}
}

// grant notes which roles satisfy a grant.
func (r *reaching) grant(side *side, grant declare.Grant) error {
	roles := side.roles()
	named := anyRole(grant)
	if named != nil {
		roles = named
	} else {
		var conditions []declare.Condition
		if readsRoles(grant) {
			without, err := r.prover.expressionFor(ofAction(side.declaration), "!has(principal.roles)")
			if err != nil {
				return err
			}
			conditions = append(conditions, without)
		}
		outcome, err := r.satisfied(side.declaration, grant, conditions...)
		if err != nil {
			return err
		}
		r.note("", side.declaration, grant.Name, outcome)
		if outcome != Proved || !readsRoles(grant) {
			return nil // no role is needed for it, as far as is known
		}
	}
	for _, role := range roles {
		condition, err := r.holding(side, grant, role)
		if err != nil {
			return err
		}
		outcome, err := r.satisfied(side.declaration, grant, condition)
		if err != nil {
			return err
		}
		r.note(role, side.declaration, grant.Name, outcome)
	}
	return nil
}

// holding is true of callers of a role and of no other, as far as the grant can tell.
func (r *reaching) holding(side *side, grant declare.Grant, role string) (declare.Condition, error) {
	if !readsRoles(grant) {
		return declare.AnyRole{Named: []string{role}, Unfolded: []string{role}}, nil
	}
	holder := authn.NewPrincipal("id", authn.Details{Roles: []string{role}}).Bound("", side.hierarchy)
	held := "'" + strings.Join(holder.EffectiveRoles(), "', '") + "'"
	return r.prover.expressionFor(ofAction(side.declaration), "has(principal.roles) && principal.roles.all(r, r in ["+held+"])")
}

// anyRole are the roles that satisfy what the grant says of roles by itself, or nil.
func anyRole(grant declare.Grant) []string {
	for _, condition := range grant.Conditions {
		if of, ok := condition.(declare.AnyRole); ok {
			return of.Unfolded
		}
	}
	return nil
}

// readsRoles reports whether an expression of the grant reads the principal's roles.
func readsRoles(grant declare.Grant) bool {
	return slices.ContainsFunc(grant.Conditions, func(of declare.Condition) bool {
		var expression *condition.Expression
		switch of := of.(type) {
		case declare.CEL:
			expression = of.Expression
		case declare.When:
			expression = of.Expression
		default:
			return false
		}
		return slices.ContainsFunc(expression.Reads(), func(read condition.Read) bool {
			return read.Name == "principal" || strings.HasPrefix(read.Name, "principal.roles")
		})
	})
}

// satisfied is [Refuted] where a grant lets in a caller of whom conditions are true, and
// [Proved] where it lets in none.
func (r *reaching) satisfied(declaration *declare.Declaration, grant declare.Grant, conditions ...declare.Condition) (Outcome, error) {
	alone := without(declaration)
	grant.Conditions = slices.Concat(grant.Conditions, conditions)
	alone.Grants = []declare.Grant{grant}
	r.prover.taken = 0
	answer, err := r.prover.none(r.ctx, ofAction(declaration), alone, without(declaration), "")
	return answer.Outcome, err
}

func appendGrant(actions []ReachedAction, procedure, grant string) []ReachedAction {
	if last := len(actions) - 1; last >= 0 && actions[last].Procedure == procedure {
		actions[last].Grants = append(actions[last].Grants, grant)
		return actions
	}
	return append(actions, ReachedAction{procedure, []string{grant}})
}
