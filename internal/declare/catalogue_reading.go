package declare

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// catalogueReading is the state of reading one enum.
type catalogueReading struct {
	*Reader
	catalogue *Catalogue
	options   []*sallyportv1.Role // of the catalogue's roles, as written
	refusals  []Refusal
}

// catalogue reads the roles of one enum. It returns nil for an enum that is no
// catalogue. Along with refusals a catalogue is returned for the names in it, so that
// grants that name one of them are not refused for that as well; nothing is built on
// it.
func (r *Reader) catalogue(enum protoreflect.EnumDescriptor) (*Catalogue, []Refusal) {
	reading := &catalogueReading{Reader: r, catalogue: &Catalogue{Enum: enum}}
	flag, marked, err := findOption(enum.Options(), sallyportv1.E_Roles)
	if err != nil {
		reading.refusef(RuleCatalogueUnresolved, enum, "", "(sallyport.v1.roles): %v", err)
		return nil, reading.refusals
	}
	marked = marked && flag.Bool()
	for i := range enum.Values().Len() {
		reading.readValue(enum.Values().Get(i), marked)
	}
	if !marked {
		return nil, reading.refusals
	}
	for i := range reading.catalogue.Roles {
		reading.readRole(i)
	}
	if cycle := reading.catalogue.cycle(); cycle != nil {
		reading.refusef(RuleRoleCycle, enum, reading.fixCycle(cycle), "roles include each other: %s", strings.Join(cycle, " includes "))
	}
	return reading.catalogue, reading.refusals
}

// refusef notes a refusal. An empty fix stands for the one in the table of rules.
func (c *catalogueReading) refusef(rule Rule, at protoreflect.Descriptor, fix, format string, args ...any) {
	refusal := refuse(rule, string(c.catalogue.Enum.FullName()), positionOf(at), format, args...)
	if refusal.At = at; fix != "" {
		refusal.Fix = fix
	}
	c.refusals = append(c.refusals, refusal)
}

// readValue reads one value of the enum by itself.
func (c *catalogueReading) readValue(value protoreflect.EnumValueDescriptor, marked bool) {
	option := &sallyportv1.Role{}
	found, err := readOption(value.Options(), sallyportv1.E_Role, option)
	switch {
	case err != nil:
		c.refusef(RuleCatalogueUnresolved, value, "", "%s: (sallyport.v1.role): %v", value.Name(), err)
	case found && !marked:
		c.refusef(RuleRoleOutside, value, fmt.Sprintf("in enum %s:\noption (sallyport.v1.roles) = true;\nor move the role to the catalogue of package %s",
			c.catalogue.Enum.FullName(), c.catalogue.Enum.ParentFile().Package()), "%s has a role, but its enum is no catalogue", value.Name())
	case found:
		if value.Number() == 0 {
			c.refusef(RuleRoleZero, value, c.fixZero(value, option),
				"%s is the zero value, so a principal without a chosen role would have this one", value.Name())
		}
		fields, _ := unknowns(option.ProtoReflect(), "role")
		for _, text := range fields {
			c.refusef(RuleUnknownField, value, "", "%s: %s", value.Name(), text)
		}
		for _, problem := range c.violations(option) {
			c.refusef(problem.rule, value, c.fixOption(value, option), "%s: %s", value.Name(), problem.text)
		}
		c.catalogue.Roles = append(c.catalogue.Roles, Role{Name: option.GetName(), Value: value, Includes: option.GetIncludes()})
		c.options = append(c.options, option)
	case marked && value.Number() != 0:
		c.refusef(RuleRoleUnnamed, value, c.fixOption(value, option), "%s is in the role catalogue, but names no role", value.Name())
	}
}

// readRole reads one role among the others of the catalogue.
func (c *catalogueReading) readRole(i int) {
	role := c.catalogue.Roles[i]
	if slices.ContainsFunc(c.catalogue.Roles[:i], func(before Role) bool { return before.Name == role.Name }) {
		option := proto.CloneOf(c.options[i])
		option.Name = ""
		c.refusef(RuleRoleRedefined, role.Value, c.fixOption(role.Value, option), "role %q is defined twice", role.Name)
	}
	for _, included := range role.Includes {
		if !c.catalogue.has(included) {
			option := proto.CloneOf(c.options[i])
			others := slices.DeleteFunc(c.catalogue.names(), func(name string) bool { return name == role.Name })
			option.Includes = named(option.GetIncludes(), func(name string) string {
				if c.catalogue.has(name) {
					return name
				}
				return nearest(name, others) // or "", which leaves it out
			})
			c.refusef(RuleRoleUnknown, role.Value, c.fixOption(role.Value, option), "role %q includes %q, which is not in the catalogue%s",
				role.Name, included, didYouMean(included, c.catalogue.names()))
		}
	}
}

// fixOption is the option of a value with a good name that no other value has, and
// with each include once.
func (c *catalogueReading) fixOption(value protoreflect.EnumValueDescriptor, option *sallyportv1.Role) string {
	fixed := proto.CloneOf(option)
	fixed.Includes = named(option.GetIncludes(), func(name string) string { return name })
	if fixed.Name = slug(option.GetName(), "._-"); fixed.GetName() == "" || option.GetName() == "" {
		fixed.Name = slug(strings.TrimPrefix(string(value.Name()), valuePrefix(c.catalogue.Enum)), "._-")
	}
	for base, n := fixed.GetName(), 2; c.taken(value, fixed.GetName()); n++ {
		fixed.Name = fmt.Sprintf("%s%d", base, n)
	}
	return fmt.Sprintf("at %s:\n%s", value.Name(), roleOptionText(fixed))
}

// taken reports whether another value of the enum has a role of the name.
func (c *catalogueReading) taken(value protoreflect.EnumValueDescriptor, name string) bool {
	values := c.catalogue.Enum.Values()
	for i := range values.Len() {
		option := &sallyportv1.Role{}
		if _, err := readOption(values.Get(i).Options(), sallyportv1.E_Role, option); err == nil && option.GetName() == name && values.Get(i) != value {
			return true
		}
	}
	return false
}

// fixZero gives the role another number, and zero to a value without a role.
func (c *catalogueReading) fixZero(value protoreflect.EnumValueDescriptor, option *sallyportv1.Role) string {
	prefix := valuePrefix(c.catalogue.Enum)
	zero, name := prefix+"UNSPECIFIED", string(value.Name())
	if name == zero {
		name = prefix + valueName(option.GetName())
	}
	return fmt.Sprintf("%s = 0;\n%s", zero, valueText(name, freeNumber(c.catalogue.Enum), option))
}

// fixCycle is the option of the last role of a cycle without the include that closes
// it.
func (c *catalogueReading) fixCycle(cycle []string) string {
	last, first := cycle[len(cycle)-2], cycle[len(cycle)-1]
	at := slices.IndexFunc(c.catalogue.Roles, func(role Role) bool { return role.Name == last && slices.Contains(role.Includes, first) })
	if at < 0 {
		return ""
	}
	option := proto.CloneOf(c.options[at])
	option.Includes = slices.DeleteFunc(option.GetIncludes(), func(name string) bool { return name == first })
	return c.fixOption(c.catalogue.Roles[at].Value, option)
}
