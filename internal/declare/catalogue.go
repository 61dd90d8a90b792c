package declare

import (
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// A Catalogue is the roles of a proto package, read from the enum that carries
// (sallyport.v1.roles), or its scopes, of (sallyport.v1.scope_catalogue).
type Catalogue struct {
	// Enum is where the roles, or scopes, are defined.
	Enum protoreflect.EnumDescriptor
	// Roles are the roles, or scopes, in the order of the enum.
	Roles []Role
}

// A Role is one role of a catalogue, or one scope.
type Role struct {
	// Name is what principals carry.
	Name string
	// Value is where it is defined.
	Value protoreflect.EnumValueDescriptor
	// Includes names the roles that come with this one, as written. A scope has none.
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

// isGiven reports whether a role of the catalogue is still in use: its value is not
// deprecated.
func (c *Catalogue) isGiven(name string) bool {
	return slices.ContainsFunc(c.Roles, func(role Role) bool {
		options, _ := role.Value.Options().(*descriptorpb.EnumValueOptions)
		return role.Name == name && !options.GetDeprecated()
	})
}

func (c *Catalogue) has(name string) bool {
	return slices.ContainsFunc(c.Roles, func(role Role) bool { return role.Name == name })
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
