package declare

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// A Catalogue is the roles of a proto package, read from the enum that carries
// (sallyport.v1.roles).
type Catalogue struct {
	// Enum is where the roles are defined.
	Enum protoreflect.EnumDescriptor
	// Roles are the roles in the order of the enum.
	Roles []Role
}

// A Role is one role of a catalogue.
type Role struct {
	// Name is what principals carry.
	Name string
	// Value is where it is defined.
	Value protoreflect.EnumValueDescriptor
	// Includes names the roles that whoever has this one has as well, as written.
	Includes []string
}

// Satisfying returns the names of the roles that a principal may carry to have the
// named one: itself, and each that includes it, directly or through others. It
// returns nil for a role that is not in the catalogue.
func (c *Catalogue) Satisfying(name string) []string {
	if !c.has(name) {
		return nil
	}
	names := []string{name}
	for i := 0; i < len(names); i++ {
		for _, role := range c.Roles {
			if slices.Contains(role.Includes, names[i]) && !slices.Contains(names, role.Name) {
				names = append(names, role.Name)
			}
		}
	}
	return names
}

// isGiven reports whether a role of the catalogue is still given to anybody: its
// value is not deprecated.
func (c *Catalogue) isGiven(name string) bool {
	return slices.ContainsFunc(c.Roles, func(role Role) bool {
		options, _ := role.Value.Options().(*descriptorpb.EnumValueOptions)
		return role.Name == name && !options.GetDeprecated()
	})
}

func (c *Catalogue) has(name string) bool {
	return slices.ContainsFunc(c.Roles, func(role Role) bool { return role.Name == name })
}

// catalogue reads the roles of one enum. It returns nil for an enum that is no
// catalogue. Along with refusals a catalogue is returned for the names in it, so that
// nobody who names one of them is refused for that as well; nothing is built on it.
func (r *Reader) catalogue(enum protoreflect.EnumDescriptor) (*Catalogue, []Refusal) {
	var refusals []Refusal
	refuseHere := func(rule Rule, at protoreflect.Descriptor, format string, args ...any) {
		refusals = append(refusals, refuse(rule, string(enum.FullName()), positionOf(at), format, args...))
	}
	flag, marked, err := findOption(enum.Options(), sallyportv1.E_Roles)
	if err != nil {
		refuseHere(RuleCatalogueUnresolved, enum, "(sallyport.v1.roles): %v", err)
		return nil, refusals
	}
	marked = marked && flag.Bool()

	catalogue := &Catalogue{Enum: enum}
	for i := range enum.Values().Len() {
		value := enum.Values().Get(i)
		option := &sallyportv1.Role{}
		found, err := readOption(value.Options(), sallyportv1.E_Role, option)
		switch {
		case err != nil:
			refuseHere(RuleCatalogueUnresolved, value, "%s: (sallyport.v1.role): %v", value.Name(), err)
		case found && !marked:
			refuseHere(RuleRoleOutside, value, "%s has a role, but its enum is no catalogue", value.Name())
		case found:
			if value.Number() == 0 {
				refuseHere(RuleRoleZero, value, "%s is the zero value, so nobody chose it: it cannot be a role", value.Name())
			}
			fields, _ := unknowns(option.ProtoReflect(), "role")
			for _, text := range fields {
				refuseHere(RuleUnknownField, value, "%s: %s", value.Name(), text)
			}
			for _, problem := range r.violations(option) {
				refuseHere(problem.rule, value, "%s: %s", value.Name(), problem.text)
			}
			catalogue.Roles = append(catalogue.Roles, Role{Name: option.GetName(), Value: value, Includes: option.GetIncludes()})
		case marked && value.Number() != 0:
			refuseHere(RuleRoleUnnamed, value, "%s is in the role catalogue, but names no role", value.Name())
		}
	}
	if !marked {
		return nil, refusals
	}
	for i, role := range catalogue.Roles {
		if slices.ContainsFunc(catalogue.Roles[:i], func(before Role) bool { return before.Name == role.Name }) {
			refuseHere(RuleRoleRedefined, role.Value, "role %q is defined twice", role.Name)
		}
		for _, included := range role.Includes {
			if !catalogue.has(included) {
				refuseHere(RuleRoleUnknown, role.Value, "role %q includes %q, which is not in the catalogue%s",
					role.Name, included, didYouMean(included, catalogue.names()))
			}
		}
	}
	if cycle := catalogue.cycle(); cycle != nil {
		refuseHere(RuleRoleCycle, enum, "roles include each other: %s", strings.Join(cycle, " includes "))
	}
	return catalogue, refusals
}

func (c *Catalogue) names() []string {
	names := make([]string, len(c.Roles))
	for i, role := range c.Roles {
		names[i] = role.Name
	}
	return names
}

// cycle returns a chain of roles that ends where it begins, or nil.
func (c *Catalogue) cycle() []string {
	var chain []string
	done := map[string]bool{}
	var walk func(name string) []string
	walk = func(name string) []string {
		if at := slices.Index(chain, name); at >= 0 {
			return append(slices.Clone(chain[at:]), name)
		}
		if done[name] {
			return nil
		}
		chain = append(chain, name)
		for _, role := range c.Roles {
			if role.Name != name {
				continue
			}
			for _, included := range role.Includes {
				if cycle := walk(included); cycle != nil {
					return cycle
				}
			}
		}
		chain = chain[:len(chain)-1]
		done[name] = true
		return nil
	}
	for _, role := range c.Roles {
		if cycle := walk(role.Name); cycle != nil {
			return cycle
		}
	}
	return nil
}

// didYouMean returns a hint at the known name that is nearest to an unknown one, or
// "" where none is near.
func didYouMean(name string, known []string) string {
	best, nearest := "", max(len(name)/2, 1)+1
	for _, candidate := range known {
		if d := distance(name, candidate); d < nearest {
			best, nearest = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return `; did you mean "` + best + `"?`
}

// distance is the Levenshtein distance of two names.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
