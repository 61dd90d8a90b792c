package review

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// A Field is who may read a field that an action answers with.
type Field struct {
	// Name is its full name: "demo.v1.User.email".
	Name string `json:"name"`
	// Anyone is the reason why everyone may read it, or "".
	Anyone string `json:"anyone,omitempty"`
	// Read are the ways to be let to read it.
	Read []Grant `json:"read,omitempty"`

	rule *declare.FieldRule
}

func fieldOf(rule *declare.FieldRule) Field {
	field := Field{Name: string(rule.Field.FullName()), Anyone: oneLine(rule.Option.GetRead().GetAnyone()), rule: rule}
	for _, grant := range rule.Read {
		field.Read = append(field.Read, grantOf(grant))
	}
	return field
}

// String says who may read the field.
func (f Field) String() string {
	if f.Anyone != "" {
		return f.Name + " is read by anyone: " + f.Anyone
	}
	return f.Name + " is read by " + f.rule.Who() + ", and cleared for others"
}

// fields returns the rules of all fields that the contract's answers may have, and the
// details of its errors.
func (c *Contract) fields() map[protoreflect.FullName]*declare.FieldRule {
	rules := map[protoreflect.FullName]*declare.FieldRule{}
	for _, declaration := range c.Declarations() {
		for _, rule := range slices.Concat(declaration.Details, declaration.Fields) {
			rules[rule.Field.FullName()] = rule
		}
	}
	return rules
}

// compareFields compares who may read which fields.
func compareFields(old, updated *Contract) []Change {
	var changes []Change
	before, now := old.fields(), updated.fields()
	names := map[protoreflect.FullName]bool{}
	for _, rules := range []map[protoreflect.FullName]*declare.FieldRule{before, now} {
		for name := range rules {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		change := Change{Subject: "field " + string(name)}
		switch was, is := before[name], now[name]; {
		case was == nil && !old.knows(name):
			continue // it is new, or newly answered with
		case is == nil && !updated.knows(name):
			continue // it is gone
		default:
			change.Kind, change.Judgement, change.Text = judgeField(was, is)
		}
		if change.Kind != "" {
			changes = append(changes, change)
		}
	}
	return changes
}

// knows reports whether a field can be in what the contract's actions answer.
func (c *Contract) knows(name protoreflect.FullName) bool {
	return slices.ContainsFunc(c.Declarations(), func(declaration *declare.Declaration) bool {
		return declare.HasField(declaration.Method.ParentFile(), name)
	})
}

// judgeField says what a change does to who may read a field; a nil rule is that of a
// field that everyone may read. The kind is "" where nothing changed. Grants that are not
// seen to be narrower or wider than others are not decided on.
func judgeField(was, is *declare.FieldRule) (kind string, judgement Judgement, text string) {
	open := func(rule *declare.FieldRule) bool { return rule == nil || rule.Anyone() }
	switch {
	case open(was) && open(is):
		return "", "", ""
	case open(is):
		return "field-opened", Looser, "every caller may read it; it was read by " + oneLine(was.Who())
	case open(was):
		return "field-guarded", Tighter, "it is read by " + oneLine(is.Who()) + " alone; every caller could read it"
	}
	text = fmt.Sprintf("it is read by %s, and was by %s", oneLine(is.Who()), oneLine(was.Who()))
	wider, narrower := within(was.Read, is.Read), within(is.Read, was.Read)
	switch {
	case wider && narrower:
		return "", "", ""
	case wider:
		return "field-looser", Looser, text
	case narrower:
		return "field-tighter", Tighter, text
	default:
		return "field-undecided", Undecided, text + ": whether others may read it is not decided"
	}
}

// within reports whether whoever meets one of some grants is seen to meet one of others.
func within(some, others []declare.Grant) bool {
	return !slices.ContainsFunc(some, func(grant declare.Grant) bool {
		return !slices.ContainsFunc(others, grant.Implies)
	})
}
