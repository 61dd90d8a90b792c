package declare

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
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
	role := AnyRole{Named: slices.Clone(g.grant.GetAnyRole())}
	reachable := false
	for _, name := range role.Named {
		catalogue, ambiguous, known := g.view().role(name)
		switch {
		case catalogue == nil:
			hidden := g.unusedRole(name)
			g.refuseWithFixf(RuleRoleUnknown, g.fixUnknownRole(name, hidden), "%s: no role catalogue of %s has role %q%s%s",
				g.path, g.view().packages(), name, didYouMean(name, known), g.whereUnused(hidden))
		case ambiguous:
			g.refuseWithFixf(RuleRoleAmbiguous, g.fixAmbiguousRole(name), "%s: more than one package that is used has role %q", g.path, name)
		default:
			role.Unfolded = append(role.Unfolded, catalogue.Satisfying(name)...)
			reachable = reachable || slices.ContainsFunc(role.Unfolded, catalogue.isGiven)
		}
	}
	if len(role.Unfolded) > 0 && !reachable {
		g.refuseWithFixf(RuleGrantUnreachable, g.fixUnreachable(), "%s: every role that would satisfy it is deprecated: %s",
			g.path, strings.Join(role.Unfolded, ", "))
	}
	slices.Sort(role.Unfolded)
	role.Unfolded = slices.Compact(role.Unfolded)
	return role
}

// fixUnknownRole is the grant with the role that was meant or, where none is near, what
// brings in the role: a use, a value for the catalogue, or a catalogue.
func (g *grantReading) fixUnknownRole(name string, unused protoreflect.Descriptor) string {
	catalogues := g.near.view.Catalogues()
	switch {
	case unused != nil:
		return g.fixUnused(unused)
	case g.roleName(name) != name:
		return g.grantFix(g.grant, g.orFew(g.fixedGrant(g.grant)))
	case len(catalogues) == 0:
		return g.grantText(g.grant)
	default:
		return g.near.entryText(roleVocabulary(), catalogues[0], name)
	}
}

// fixAmbiguousRole defines the role in the package's own catalogue.
func (g *grantReading) fixAmbiguousRole(name string) string {
	if own := g.near.view.Catalogues()[0]; own.Enum.ParentFile().Package() == g.file().Package() {
		return g.near.entryText(roleVocabulary(), own, name)
	}
	return g.near.newCatalogueText(roleVocabulary(), []string{name})
}

// fixUnreachable is the grant with a role that is not deprecated.
func (g *grantReading) fixUnreachable() string {
	fixed := g.fixedGrant(g.grant)
	fixed.AnyRole = g.near.grant().GetAnyRole()
	return g.grantFix(g.grant, fixed)
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
