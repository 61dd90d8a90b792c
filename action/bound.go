package action

import "slices"

// A vocabulary gives numbers to the role and scope names that a registry's grants
// ask for, so that a grant is looked at by comparing bits. It grows while actions
// are registered and is fixed once the registry is sealed.
type vocabulary struct {
	numbers map[string]int
}

// number returns a name's number, a new one if it has none yet.
func (v *vocabulary) number(name string) int {
	number, ok := v.numbers[name]
	if !ok {
		number = len(v.numbers)
		v.numbers[name] = number
	}
	return number
}

// learn returns the set of names, all of which get numbers.
func (v *vocabulary) learn(names []string) nameSet {
	var set nameSet
	for _, name := range names {
		set = set.with(v.number(name))
	}
	return set
}

// know returns the set of those names that have numbers; no grant asks for others.
func (v *vocabulary) know(names []string) nameSet {
	var set nameSet
	for _, name := range names {
		if number, ok := v.numbers[name]; ok {
			set = set.with(number)
		}
	}
	return set
}

// A nameSet is a set of numbered names, a bit for each. Nil is empty.
type nameSet []uint64

func (s nameSet) with(number int) nameSet {
	for len(s) <= number/64 {
		s = append(s, 0)
	}
	s[number/64] |= 1 << (number % 64)
	return s
}

// meets reports whether the sets share a name.
func (s nameSet) meets(other nameSet) bool {
	for i := range min(len(s), len(other)) {
		if s[i]&other[i] != 0 {
			return true
		}
	}
	return false
}

// covers reports whether s has every name of other.
func (s nameSet) covers(other nameSet) bool {
	for i, bits := range other {
		switch {
		case bits == 0:
		case i >= len(s) || s[i]&bits != bits:
			return false
		}
	}
	return true
}

// A boundPrincipal is a principal as one registry knows it: with the scheme that
// found it, and its names looked up.
type boundPrincipal struct {
	*Principal
	roles  nameSet
	scopes nameSet
	by     *Registry
}

// bind returns the principal as a registry knows it, and remembers it: whatever
// the authenticator returns again is bound already.
func (p *Principal) bind(registry *Registry, scheme string) *boundPrincipal {
	if known := p.bound.Load(); known != nil && known.by == registry && known.facts.Scheme == scheme {
		return known
	}
	facts := p.facts
	facts.Scheme = scheme
	bound := &boundPrincipal{
		Principal: &Principal{facts: facts},
		roles:     slices.Clip(registry.roles.know(facts.Roles)),
		scopes:    slices.Clip(registry.scopes.know(facts.Scopes)),
		by:        registry,
	}
	p.bound.Store(bound)
	return bound
}
