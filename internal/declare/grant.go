package declare

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// A Grant is one way to be let through. All of its conditions must hold. A grant
// without conditions lets no caller through, and none is ever read.
type Grant struct {
	// Name is what decisions and explanations call the grant: the name that it is
	// declared with or, where it has none, its place in the declaration, "allow[0]".
	Name string
	// Named is whether it is declared with the name.
	Named bool
	// Accepts are the rules that its expression breaks and that it accepts.
	Accepts []Acceptance
	// Conditions are what the grant requires, in the order in which they are
	// evaluated: that of the kinds, from the cheapest to the dearest.
	Conditions []Condition
}

// A Condition is one requirement of a grant. Its type is its kind: [AnyRole],
// [AllScopes], [When], [CEL], [Check] or [Relation], each defined in the file that reads it. A type
// switch over kinds denies by default, so that a kind it does not know lets no
// caller through.
type Condition interface {
	// String is the condition on one line, as explanations quote it:
	// "any_role admin".
	String() string
	// ReadsRequest reports whether the condition needs the request to be decided.
	ReadsRequest() bool

	// who is the condition in the words of [Declaration.Who].
	who() string
	// implies reports whether other holds wherever this condition does. It is
	// asked about conditions of every kind.
	implies(other Condition) bool
	// restsOn is what the condition means beyond what the option says, for the
	// fingerprint.
	restsOn() []string
}

// A conditionKind reads conditions of one kind out of grants.
type conditionKind struct {
	// field is the field of sallyport.v1.Grant that holds it.
	field protoreflect.Name
	// read returns the condition, or nil along with refusals. It is called only for
	// a grant that has the field, and where the field keeps its own validation rules.
	read func(*grantReading) Condition
}

// conditionKinds are all the kinds of conditions. Their order is the order of
// evaluation.
var conditionKinds = []conditionKind{
	anyRoleKind,
	allScopesKind,
	whenKind,
	celKind,
	checkKind,
	relationKind,
}

// grantReading is the state of reading one grant.
type grantReading struct {
	*methodReading
	path  string // "authorize.allow[0]", "authorize.shadow.allow[0]"
	grant *sallyportv1.Grant
	used  []Rule // those that the grant accepts and that its expression breaks
}

// readGrants reads all grants of a declaration or of its shadow: where is the path up to them.
func (m *methodReading) readGrants(where string, options []*sallyportv1.Grant, broken []problem) []Grant {
	grants := make([]Grant, len(options))
	for i, option := range options {
		grants[i].Name = fmt.Sprintf("allow[%d]", i)
		before := len(m.refusals)
		reading := &grantReading{methodReading: m, path: where + grants[i].Name, grant: option}
		grants[i].Conditions = reading.read(conditionKinds, broken)
		grants[i].Accepts = reading.readAccept(len(m.refusals) == before)
		if name := option.GetName(); name != "" {
			if slices.ContainsFunc(grants[:i], func(other Grant) bool { return other.Name == name }) {
				fixed := m.fixedGrant(option)
				fixed.Name = new(name[:min(len(name), maxName-2)] + "_2")
				m.refuseWithFixf(RuleGrantNameTwice, m.grantText(fixed), "%s: another grant of the action is called %q", reading.path, name)
			}
			grants[i].Name, grants[i].Named = name, true
		}
	}
	if len(m.refusals) == 0 {
		m.readRedundancy(where, options, grants)
	}
	return grants
}

// read returns the conditions of the grant, those of the given kinds. A field that
// broke its own validation rule is not read again. A field that no kind reads is
// refused: what it asks for would be left out.
func (g *grantReading) read(kinds []conditionKind, broken []problem) []Condition {
	var conditions []Condition
	unread := slices.DeleteFunc(setFields(g.grant.ProtoReflect()), isAbout)
	for _, kind := range kinds {
		before := len(unread)
		unread = slices.DeleteFunc(unread, func(field protoreflect.FieldDescriptor) bool { return field.Name() == kind.field })
		breaks := slices.ContainsFunc(broken, func(p problem) bool { return strings.HasPrefix(p.path, g.path+"."+string(kind.field)) })
		if len(unread) == before || breaks {
			continue
		}
		if condition := kind.read(g); condition != nil {
			conditions = append(conditions, condition)
		}
	}
	for _, field := range unread {
		g.refusef(RuleUnknownField, "%s.%s is a condition that this build does not know", g.path, field.Name())
	}
	return conditions
}

// readRedundancy refuses a grant that admits only callers that another grant admits
// as well: a reviewer would take it for more than it is.
func (m *methodReading) readRedundancy(where string, options []*sallyportv1.Grant, grants []Grant) {
	for i, grant := range grants {
		for j, other := range grants {
			// Of two that are the same, the later one is refused.
			if i != j && grant.implies(other) && (!other.implies(grant) || i > j) {
				m.refuseWithFixf(RuleGrantRedundant, "remove "+messageText("allow", options[i].ProtoReflect()),
					"%s%s adds nothing: every caller who satisfies it satisfies %s%s", where, grant.Name, where, other.Name)
				break
			}
		}
	}
}

// Implies reports whether it is seen that every caller who satisfies g satisfies other,
// both of one message. A grant without conditions, which lets no caller through, is implied
// by none. Conditions are compared as they are written: expressions that read
// claims or messages of one name in two schemas are taken for the same.
func (g Grant) Implies(other Grant) bool { return len(other.Conditions) > 0 && g.implies(other) }

// implies reports whether every caller that satisfies g satisfies other.
func (g Grant) implies(other Grant) bool {
	return !slices.ContainsFunc(other.Conditions, func(wanted Condition) bool {
		return !slices.ContainsFunc(g.Conditions, func(condition Condition) bool { return condition.implies(wanted) })
	})
}

// who is the grant in the words of [Declaration.Who].
func (g Grant) who() string {
	words := make([]string, len(g.Conditions))
	for i, condition := range g.Conditions {
		words[i] = condition.who()
		// Else an `and` beside it would seem to take its last part alone.
		if len(g.Conditions) > 1 && (strings.Contains(words[i], " or ") || strings.ContainsAny(words[i], "|?")) {
			words[i] = "(" + words[i] + ")"
		}
	}
	var text strings.Builder
	text.WriteString(strings.Join(words, " and "))
	for _, accepted := range g.Accepts {
		fmt.Fprintf(&text, " [accepts %s: %s]", accepted.Rule, strings.Join(strings.Fields(accepted.Reason), " "))
	}
	return text.String()
}

// restsOn is what the grant means beyond what the option says.
func (g Grant) restsOn() []string {
	var on []string
	for _, condition := range g.Conditions {
		on = append(on, condition.restsOn()...)
	}
	return on
}

// within reports whether every name of part is in whole.
func within(part, whole []string) bool {
	return !slices.ContainsFunc(part, func(name string) bool { return !slices.Contains(whole, name) })
}
