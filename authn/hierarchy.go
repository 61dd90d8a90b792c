package authn

import "slices"

// A Hierarchy says which roles include which, as the role catalogues of a registry do.
// A gate gives a principal that of its registry. It is immutable and safe for
// concurrent use. Make one with [NewHierarchy]; a nil Hierarchy knows no role.
type Hierarchy struct {
	includes map[string][]string // the roles that come with a role, through others too
	within   map[string][]string // the roles that a role comes with, through others too
}

// NewHierarchy returns a hierarchy in which each role includes those that it is the key
// of, and what those include. It copies what it is given.
func NewHierarchy(includes map[string][]string) *Hierarchy {
	made := &Hierarchy{includes: map[string][]string{}, within: map[string][]string{}}
	for role := range includes {
		closure := slices.Clone(includes[role])
		for i := 0; i < len(closure); i++ {
			for _, included := range includes[closure[i]] {
				if !slices.Contains(closure, included) {
					closure = append(closure, included)
				}
			}
		}
		made.includes[role] = closure
		for _, included := range closure {
			made.within[included] = append(made.within[included], role)
		}
	}
	return made
}

// Bound returns the same principal, authenticated by the named scheme, with the roles
// that its own include in a hierarchy. A gate calls it with the name that the registry
// binds the authenticator to and with the registry's roles. With a nil hierarchy the
// principal has none but its own roles, and conditions do not read them.
func (p *Principal) Bound(scheme string, roles *Hierarchy) *Principal {
	if p.scheme == scheme && p.hierarchy == roles {
		return p
	}
	if known := p.bound.Load(); known != nil && known.scheme == scheme && known.hierarchy == roles {
		return known
	}
	bound := p.clone()
	bound.scheme, bound.hierarchy = scheme, roles
	p.bound.Store(bound)
	return bound
}

// IsBound reports whether the principal has the hierarchy of a registry, so that the
// roles that its own include are known.
func (p *Principal) IsBound() bool { return p.hierarchy != nil }

// Has reports whether the principal has a role: whether it carries the role, or one that
// includes it, directly or through others. `any_role` and `principal.roles` in a
// condition say the same. Of a principal that no gate has let in it knows the roles
// that the principal carries, and not what they include.
//
// It takes the same time however many roles there are, and allocates nothing.
func (p *Principal) Has(role string) bool {
	if p.roles.has(role) {
		return true
	}
	if p.hierarchy == nil {
		return false
	}
	return slices.ContainsFunc(p.hierarchy.within[role], p.roles.has)
}

// EffectiveRoles returns every role for which [Principal.Has] is true, each once: those
// that the principal carries, then those that they include.
func (p *Principal) EffectiveRoles() []string {
	roles := p.Roles()
	if p.hierarchy == nil {
		return roles
	}
	for _, role := range p.roles.list {
		for _, included := range p.hierarchy.includes[role] {
			if !slices.Contains(roles, included) {
				roles = append(roles, included)
			}
		}
	}
	return roles
}
