package review

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/prove"
)

// A Field is who may read a field that an action answers with, and who may write one that it
// is called with.
type Field struct {
	// Name is its full name: "demo.v1.User.email".
	Name string `json:"name"`
	// Anyone is the reason why everyone may read it, or "".
	Anyone string `json:"anyone,omitempty"`
	// Read are the ways to be let to read it.
	Read []Grant `json:"read,omitempty"`
	// Written is whether it is who may write the field that is said, and AnyoneWrites and
	// Write are the same of that.
	Written      bool    `json:"written,omitempty"`
	AnyoneWrites string  `json:"anyone_writes,omitempty"`
	Write        []Grant `json:"write,omitempty"`

	rule *declare.FieldRule
}

func fieldOf(rule *declare.FieldRule) Field {
	field := Field{Name: string(rule.Field.FullName()), Anyone: oneLine(rule.Option.GetRead().GetAnyone()), rule: rule}
	for _, grant := range rule.Read {
		field.Read = append(field.Read, grantOf(grant))
	}
	return field
}

// writtenOf is who may write a field.
func writtenOf(rule *declare.FieldRule) Field {
	field := Field{Name: string(rule.Field.FullName()), Written: true, AnyoneWrites: oneLine(rule.Option.GetWrite().GetAnyone()), rule: rule}
	for _, grant := range rule.Write {
		field.Write = append(field.Write, grantOf(grant))
	}
	return field
}

// String says who may read the field, or write it.
func (f Field) String() string {
	switch {
	case f.Written && f.AnyoneWrites != "":
		return f.Name + " is written by anyone: " + f.AnyoneWrites
	case f.Written:
		return f.Name + " is written by " + f.rule.Writers() + ", and refused to others"
	}
	if f.Anyone != "" {
		return f.Name + " is read by anyone: " + f.Anyone
	}
	return f.Name + " is read by " + f.rule.Who() + ", and cleared for others"
}

// A guard is the rule of a field, and the actions that may answer with the field.
type guard struct {
	rule    *declare.FieldRule
	answers []*declare.Declaration
}

// fields returns the rules of all fields that the contract's answers may have, and the
// details of its errors.
func (c *Contract) fields() map[protoreflect.FullName]*guard {
	guards := map[protoreflect.FullName]*guard{}
	for _, declaration := range c.Declarations() {
		for _, rule := range slices.Concat(declaration.Details, declaration.Fields) {
			name := rule.Field.FullName()
			if guards[name] == nil {
				guards[name] = &guard{rule: rule}
			}
			guards[name].answers = append(guards[name].answers, declaration)
		}
	}
	return guards
}

// compareFields compares who may read which fields.
func compareFields(ctx context.Context, prover *prove.Prover, old, updated *Contract) ([]Change, error) {
	var changes []Change
	before, now := old.fields(), updated.fields()
	names := map[protoreflect.FullName]bool{}
	for _, guards := range []map[protoreflect.FullName]*guard{before, now} {
		for name := range guards {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		was, is := before[name], now[name]
		if was == nil && !old.knows(name) || is == nil && !updated.knows(name) {
			continue // it is new, or newly answered with, or gone
		}
		change := Change{Subject: "field " + string(name)}
		if err := judgeField(ctx, prover, &change, was, is); err != nil {
			return nil, fmt.Errorf("field %s: %w", name, err)
		}
		if change.Kind != "" {
			changes = append(changes, change)
		}
		written := Change{Subject: change.Subject}
		written.Kind, written.Judgement, written.Text = judgeWrites(before[name], now[name])
		if written.Kind != "" {
			changes = append(changes, written)
		}
	}
	return changes, nil
}

// knows reports whether a field can be in what the contract's actions answer.
func (c *Contract) knows(name protoreflect.FullName) bool {
	return slices.ContainsFunc(c.Declarations(), func(declaration *declare.Declaration) bool {
		return declare.HasField(declaration.Method.ParentFile(), name)
	})
}

// ofRule is the rule, or nil.
func (g *guard) ofRule() *declare.FieldRule {
	if g == nil {
		return nil
	}
	return g.rule
}

// isOpen reports whether everyone may read the field.
func (g *guard) isOpen() bool { return g == nil || g.rule.Anyone() }

// judgeField says what a change does to who may read a field; a nil guard is that of a
// field that everyone may read. The kind stays "" where nothing changed.
func judgeField(ctx context.Context, prover *prove.Prover, c *Change, was, is *guard) error {
	switch {
	case was.isOpen() && is.isOpen():
		return nil
	case is.isOpen():
		c.Kind, c.Judgement, c.Text = "field-opened", Looser, "every caller may read it; it was read by "+oneLine(was.rule.Who())
		return nil
	case was.isOpen():
		c.Kind, c.Judgement, c.Text = "field-guarded", Tighter, "it is read by "+oneLine(is.rule.Who())+" alone; every caller could read it"
		return nil
	}
	compared, err := compareGuards(ctx, prover, was, is)
	if err != nil {
		return err
	}
	if !judge(c, "field", compared) {
		return nil
	}
	c.Text = fmt.Sprintf("it is read by %s, and was by %s", oneLine(is.rule.Who()), oneLine(was.rule.Who()))
	if c.Judgement == Undecided {
		c.Text += ": whether others may read it is not decided"
		because(c, compared.Reason)
	}
	return nil
}

// compareGuards compares two rules of a field in the actions that answer with it. The roles
// and claims of callers are those of the action, so that rules are compared in each pair of
// actions that differ in those; the first comparison that is not the same is returned.
func compareGuards(ctx context.Context, prover *prove.Prover, was, is *guard) (prove.Comparison, error) {
	compared := prove.Comparison{Verdict: prove.Same}
	var seen [][2]*declare.Declaration
	for _, pair := range pairs(was.answers, is.answers) {
		if slices.ContainsFunc(seen, func(other [2]*declare.Declaration) bool {
			return sameCallers(pair[0], other[0]) && sameCallers(pair[1], other[1])
		}) {
			continue
		}
		seen = append(seen, pair)
		var err error
		if compared, err = prover.CompareRules(ctx, prove.ReadRule(was.rule.Field, was.rule, pair[0]), prove.ReadRule(is.rule.Field, is.rule, pair[1])); err != nil || compared.Verdict != prove.Same {
			return compared, err
		}
	}
	return compared, nil
}

// pairs are the declarations of one action in two contracts or, where no action is in both,
// the first ones.
func pairs(old, updated []*declare.Declaration) [][2]*declare.Declaration {
	var found [][2]*declare.Declaration
	for _, was := range old {
		for _, is := range updated {
			if was.Procedure == is.Procedure {
				found = append(found, [2]*declare.Declaration{was, is})
			}
		}
	}
	if len(found) == 0 {
		found = append(found, [2]*declare.Declaration{old[0], updated[0]})
	}
	return found
}

// sameCallers reports whether two actions of one contract have the same roles and claims.
func sameCallers(one, other *declare.Declaration) bool {
	return one.Claims == other.Claims && maps.EqualFunc(one.Includes, other.Includes, slices.Equal)
}

// judgeWrites is judgeField of who may write a field.
func judgeWrites(before, now *guard) (kind string, judgement Judgement, text string) {
	was, is := before.ofRule(), now.ofRule()
	open := func(rule *declare.FieldRule) bool { return rule == nil || rule.AnyoneWrites() }
	switch {
	case open(was) && open(is):
		return "", "", ""
	case open(is):
		return "field-opened", Looser, "every caller who is let in may write it; it was written by " + oneLine(was.Writers())
	case open(was):
		return "field-guarded", Tighter, "it is written by " + oneLine(is.Writers()) + " alone; every caller who is let in could write it"
	}
	text = fmt.Sprintf("it is written by %s, and was by %s", oneLine(is.Writers()), oneLine(was.Writers()))
	wider, narrower := within(was.Write, is.Write), within(is.Write, was.Write)
	switch {
	case wider && narrower:
		return "", "", ""
	case wider:
		return "field-looser", Looser, text
	case narrower:
		return "field-tighter", Tighter, text
	default:
		return "field-undecided", Undecided, text + ": whether others may write it is not decided"
	}
}

// writes says in one line what says which fields an action writes; "" where nothing does.
func writes(declaration *declare.Declaration) string {
	writing := declaration.Writing
	switch {
	case writing == nil:
		return ""
	case writing.Replaces:
		return "replaces: every guarded field counts as written"
	case len(writing.Masks) == 0:
		return "guarded fields are written where they are set"
	case writing.EmptyAll:
		return "guarded fields are written where " + string(writing.Masks[0].Field.Name()) + " names them; an empty one names all"
	default:
		return "guarded fields are written where " + string(writing.Masks[0].Field.Name()) + " names them; an empty one names none"
	}
}

// within reports whether every caller who meets one of some grants is seen to meet one of
// others.
func within(some, others []declare.Grant) bool {
	return !slices.ContainsFunc(some, func(grant declare.Grant) bool {
		return !slices.ContainsFunc(others, grant.Implies)
	})
}
