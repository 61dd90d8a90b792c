package declare

import (
	"slices"
	"strings"
)

// AnyRole holds when the principal has one of some roles.
type AnyRole struct {
	// Named are the roles as declared.
	Named []string
	// Unfolded are the roles that satisfy the condition, sorted: those named and
	// all that include one of them.
	Unfolded []string
}

var anyRoleKind = conditionKind{field: "any_role", read: readAnyRole}

func readAnyRole(g *grantReading) Condition {
	role := AnyRole{Named: slices.Clone(g.option.GetAnyRole())}
	reachable := false
	file := g.method.ParentFile()
	for _, name := range role.Named {
		catalogue, ambiguous, known := g.role(file, name)
		switch {
		case catalogue == nil:
			g.refusef(RuleRoleUnknown, "%s: no role catalogue of package %s or of its imports has role %q%s",
				g.path, file.Package(), name, didYouMean(name, known))
		case ambiguous:
			g.refusef(RuleRoleAmbiguous, "%s: more than one imported catalogue has role %q", g.path, name)
		default:
			role.Unfolded = append(role.Unfolded, catalogue.Satisfying(name)...)
			reachable = reachable || slices.ContainsFunc(role.Unfolded, catalogue.isGiven)
		}
	}
	if len(role.Unfolded) > 0 && !reachable {
		g.refusef(RuleGrantUnreachable, "%s: every role that would satisfy it is deprecated: %s",
			g.path, strings.Join(role.Unfolded, ", "))
	}
	slices.Sort(role.Unfolded)
	role.Unfolded = slices.Compact(role.Unfolded)
	return role
}

// String implements [Condition].
func (r AnyRole) String() string { return "any_role " + strings.Join(r.Named, ", ") }

// ReadsRequest implements [Condition].
func (AnyRole) ReadsRequest() bool { return false }

func (r AnyRole) who() string { return strings.Join(r.Named, " or ") }

func (r AnyRole) implies(other Condition) bool {
	wanted, ok := other.(AnyRole)
	return ok && within(r.Unfolded, wanted.Unfolded)
}

// restsOn is the roles unfolded: a role of the catalogue may come to include another.
func (r AnyRole) restsOn() []string { return r.Unfolded }
