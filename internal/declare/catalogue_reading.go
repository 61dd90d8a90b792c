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
	*vocabulary
	catalogue *Catalogue
	options   []*sallyportv1.Role // of the catalogue's roles, as written
	refusals  []Refusal
}

// catalogue reads the roles, or the scopes, of one enum. It returns nil for an enum that is no
// catalogue. Along with refusals a catalogue is returned for the names in it, so that
// grants that name one of them are not refused for that as well; nothing is built on
// it.
func (r *Reader) catalogue(enum protoreflect.EnumDescriptor, of *vocabulary) (*Catalogue, []Refusal) {
	reading := &catalogueReading{Reader: r, vocabulary: of, catalogue: &Catalogue{Enum: enum}}
	flag, marked, err := findOption(enum.Options(), of.mark)
	if err != nil {
		reading.refusef(RuleCatalogueUnresolved, enum, "", "(%s): %v", of.option(), err)
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
	option, written, found, err := c.read(value.Options())
	switch {
	case err != nil:
		c.refusef(RuleCatalogueUnresolved, value, "", "%s: (%s): %v", value.Name(), c.entryOption(), err)
	case found && !marked:
		c.refusef(c.outside, value, fmt.Sprintf("in enum %s:\noption (%s) = true;\nor move the %s to the catalogue of package %s",
			c.catalogue.Enum.FullName(), c.option(), c.word, c.catalogue.Enum.ParentFile().Package()), "%s has a %s, but its enum is no catalogue", value.Name(), c.word)
	case found:
		if value.Number() == 0 {
			c.refusef(c.zero, value, c.fixZero(value, option),
				"%s is the zero value, so a principal without a chosen %s would have this one", value.Name(), c.word)
		}
		fields, _ := unknowns(written.ProtoReflect(), c.word)
		for _, text := range fields {
			c.refusef(RuleUnknownField, value, "", "%s: %s", value.Name(), text)
		}
		for _, problem := range c.violations(written) {
			c.refusef(problem.rule, value, c.fixOption(value, option), "%s: %s", value.Name(), problem.text)
		}
		c.catalogue.Roles = append(c.catalogue.Roles, Role{Name: option.GetName(), Value: value, Includes: option.GetIncludes()})
		c.options = append(c.options, option)
	case marked && value.Number() != 0:
		c.refusef(c.unnamed, value, c.fixOption(value, option), "%s is in the %s catalogue, but names no %s", value.Name(), c.word, c.word)
	}
}

// readRole reads one role among the others of the catalogue.
func (c *catalogueReading) readRole(i int) {
	role := c.catalogue.Roles[i]
	if slices.ContainsFunc(c.catalogue.Roles[:i], func(before Role) bool { return before.Name == role.Name }) {
		option := proto.CloneOf(c.options[i])
		option.Name = ""
		c.refusef(c.redefined, role.Value, c.fixOption(role.Value, option), "%s %q is defined twice", c.word, role.Name)
	}
	others := slices.DeleteFunc(c.catalogue.names(), func(name string) bool { return name == role.Name })
	for _, included := range role.Includes {
		if !c.catalogue.has(included) {
			option := proto.CloneOf(c.options[i])
			option.Includes = named(option.GetIncludes(), func(name string) string {
				if c.catalogue.has(name) {
					return name
				}
				return nearest(name, others) // or "", which leaves it out
			})
			c.refusef(RuleRoleUnknown, role.Value, c.fixOption(role.Value, option), "role %q includes %q, which is not in the catalogue%s",
				role.Name, included, didYouMean(included, others))
		}
	}
}

// fixOption is the option of a value with a good name that no other value has, and
// with each include once.
func (c *catalogueReading) fixOption(value protoreflect.EnumValueDescriptor, option *sallyportv1.Role) string {
	fixed := proto.CloneOf(option)
	fixed.Includes = named(option.GetIncludes(), func(name string) string { return name })
	if fixed.Name = c.slug(option.GetName()); fixed.GetName() == "" {
		fixed.Name = c.slug(strings.ToLower(strings.TrimPrefix(string(value.Name()), valuePrefix(c.catalogue.Enum))))
	}
	for base, n := fixed.GetName(), 2; c.taken(value, fixed.GetName()); n++ {
		fixed.Name = fmt.Sprintf("%s%d", base, n)
	}
	return fmt.Sprintf("at %s:\n%s", value.Name(), c.optionText(fixed))
}

// taken reports whether another value of the enum has the name.
func (c *catalogueReading) taken(value protoreflect.EnumValueDescriptor, name string) bool {
	values := c.catalogue.Enum.Values()
	for i := range values.Len() {
		if option, _, _, err := c.read(values.Get(i).Options()); err == nil && option.GetName() == name && values.Get(i) != value {
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
	return fmt.Sprintf("in place of %s:\n%s = 0;\n%s", value.Name(), zero, c.valueText(name, freeNumber(c.catalogue.Enum), option))
}

// fixCycle is the option of the last role of a cycle without the include that closes
// it.
func (c *catalogueReading) fixCycle(cycle []string) string {
	last, first := cycle[len(cycle)-2], cycle[len(cycle)-1]
	at := slices.IndexFunc(c.catalogue.Roles, func(role Role) bool { return role.Name == last && slices.Contains(role.Includes, first) })
	option := proto.CloneOf(c.options[at])
	option.Includes = slices.DeleteFunc(option.GetIncludes(), func(name string) bool { return name == first })
	return c.fixOption(c.catalogue.Roles[at].Value, option)
}
