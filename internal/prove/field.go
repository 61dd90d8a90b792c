package prove

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// fieldPrefix is what the name of a [Target] begins with that is a field.
const fieldPrefix = "field "

// FieldScope says what a proof about a field is about, beside [Scope].
const FieldScope = "of a field it is proved that it leaves only where the assertion holds of the message that it stands in, which may be " +
	"any message of its type, for every principal, let in or not"

// ReadRule is the rule of who may read a field, asked of the callers of an action. A nil rule
// is met by all of them.
func ReadRule(field protoreflect.FieldDescriptor, rule *declare.FieldRule, within *declare.Declaration) Rule {
	made := Rule{
		Name: fieldPrefix + string(field.FullName()), Within: within, Anyone: true,
		Subject: condition.Subject{Name: condition.ThisName, Type: field.ContainingMessage()},
	}
	if rule != nil {
		made.Grants, made.Anyone = rule.Read, rule.Anyone()
	}
	return made
}

// WriteRule is the rule of who may write a field, asked of the callers of an action. Of rules
// that read what the field becomes, or an object that is not what the action is about, nothing
// can be asked: then ok is false.
func WriteRule(rule *declare.FieldRule, within *declare.Declaration) (made Rule, ok bool) {
	holder := rule.Field.ContainingMessage()
	about := within.Resource != nil && within.Resource.Carries && within.Resource.Type.FullName() == holder.FullName()
	for _, grant := range rule.Write {
		for _, of := range grant.Conditions {
			if expression := expressionOf(of); expression.ReadsValue() || expression.ReadsSubject() && !about {
				return Rule{}, false
			}
		}
	}
	return Rule{
		Name: fieldPrefix + string(rule.Field.FullName()), Within: within, Grants: rule.Write, Anyone: rule.AnyoneWrites(),
		Subject: condition.Subject{Name: condition.ResourceName, Type: holder},
	}, true
}

// fieldsOf are the fields that some action can answer, by their names, each with who may read
// it for each kind of callers.
func fieldsOf(declarations []*declare.Declaration) []Target {
	found := map[string]*Target{}
	within := map[string][]*declare.Declaration{}
	add := func(field protoreflect.FieldDescriptor, rules []*declare.FieldRule, declaration *declare.Declaration) {
		name := fieldPrefix + string(field.FullName())
		if slices.ContainsFunc(within[name], func(known *declare.Declaration) bool { return sameCallers(known, declaration) }) {
			return
		}
		if found[name] == nil {
			found[name] = &Target{Name: name}
		}
		var rule *declare.FieldRule
		if at := slices.IndexFunc(rules, func(of *declare.FieldRule) bool { return of.Field.FullName() == field.FullName() }); at >= 0 {
			rule = rules[at]
		}
		within[name] = append(within[name], declaration)
		found[name].asked = append(found[name].asked, ofField(ReadRule(field, rule, declaration)))
	}
	for _, declaration := range declarations {
		declare.EachType(declaration.Method.Output(), func(of protoreflect.MessageDescriptor) {
			for i := range of.Fields().Len() {
				add(of.Fields().Get(i), declaration.Fields, declaration)
			}
		}, nil)
		for _, rule := range declaration.Details {
			add(rule.Field, declaration.Details, declaration)
		}
	}
	targets := make([]Target, 0, len(found))
	for _, target := range found {
		targets = append(targets, *target)
	}
	slices.SortFunc(targets, func(a, b Target) int { return strings.Compare(a.Name, b.Name) })
	return targets
}

// sameCallers reports whether two actions have the same roles, claims and schemes.
func sameCallers(one, other *declare.Declaration) bool {
	return one.Claims == other.Claims && slices.Equal(one.Schemes, other.Schemes) && maps.EqualFunc(one.Includes, other.Includes, slices.Equal)
}

// ofField is what an assertion about who reads a field is about.
func ofField(rule Rule) *matter {
	return &matter{
		declaration: rule.side().declaration, subject: rule.Subject, letIn: "the field is read", keptOut: "the field is not read",
		side: func(declaration *declare.Declaration) *side {
			of := rule
			of.Grants, of.Anyone = declaration.Grants, declaration.Anyone
			return of.side()
		},
	}
}
