package declare

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/condition"
)

// facts is what a condition of the action may take for known. Where the declaration sees
// no catalogue, as for a vendor's service, names are not held against one.
func (m *methodReading) facts() condition.Facts {
	mayBeEmpty := func(path condition.Path, element bool) bool {
		return m.unlessRefused(path, element || path[len(path)-1].HasPresence())
	}
	facts := condition.Facts{
		Schemes: m.option.GetAuthenticate().GetSchemes(),
		Scopes:  m.view().scopes(),
		// The gate holds the claims against their rules before a condition reads them.
		MayBeEmpty: mayBeEmpty, ClaimMayBeEmpty: mayBeEmpty,
	}
	for role := range m.view().Includes() {
		facts.Roles = append(facts.Roles, role)
	}
	slices.Sort(facts.Roles)
	return facts
}

// unlessRefused reports whether the rules let the last field of a path be empty: set to
// what is empty or, of a list or map, with such an element; or not set where that is the
// same.
func (m *methodReading) unlessRefused(path condition.Path, set bool) bool {
	field := path[len(path)-1]
	// A default of its own is what the field reads as where it is not set.
	unset := field.HasDefault() && field.Default().Equal(zero(field)) && !m.refusesEmpty(path, false)
	return unset || !m.refusesEmpty(path, set)
}

// readTraps refuses what may mean something else than it says.
func (e *expressionReading) readTraps(traps []condition.Trap) {
	e.traps = len(traps)
	for _, trap := range traps {
		rule, problem := describeTrap(trap)
		if e.accepts(rule) {
			continue
		}
		e.refuseWithFixf(rule, e.fixTrap(rule, trap), "%s: %s", e.field, problem)
	}
}

// describeTrap returns the rule that a trap breaks, and what is wrong.
func describeTrap(trap condition.Trap) (rule Rule, problem string) {
	text := "`" + strings.Join(strings.Fields(trap.Text), " ") + "`"
	switch trap.Kind {
	case condition.ComparesMessages:
		return RuleCELMessage, text + " compares whole messages, of which any part may be absent"
	case condition.ComparesNull:
		return RuleCELNull, "null is compared with a value; `has()` asks whether it is there"
	case condition.LosesType:
		return RuleCELDyn, text + " has no one type, so nothing says which of its parts may be absent"
	case condition.ReadsAny:
		return RuleCELAny, text + " is a google.protobuf.Any, whose content is not validated against a type that the condition knows"
	case condition.ChosenPattern:
		return RuleCELPattern, text + " takes its pattern from the call or the resource: `.*` matches every text"
	case condition.ChosenPart:
		return RuleCELPart, text + " lets the caller, or the resource, choose the part or the text that has it: one letter is part of nearly every text"
	case condition.EmptyList:
		return RuleCELEmptyList, text + " holds of a list without elements, and one may come"
	case condition.BothEmpty:
		return RuleCELBothEmpty, text + " compares two values that may both be empty, and then are equal"
	case condition.AdmitsEmpty:
		return RuleCELUnset, text + " is true of a message of which nothing is set"
	case condition.UnknownName:
		return RuleCELNameUnknown, fmt.Sprintf("there is no %s %q%s", trap.Of, trap.Name, didYouMean(trap.Name, trap.Known))
	case condition.UnknownZone:
		return RuleCELTimeZone, fmt.Sprintf("there is no time zone %q on this machine", trap.Name)
	case condition.ChosenZone:
		return RuleCELZoneChosen, text + " takes its time zone from the call, so that the caller chooses the hour"
	default:
		return RuleCELInvalid, text + " is a trap that this build does not know"
	}
}

// fixTrap makes a fix for the input. It is "" where there is none but that of the table.
func (e *expressionReading) fixTrap(rule Rule, trap condition.Trap) string {
	switch trap.Kind { //nolint:exhaustive // the others have the fix of the table
	case condition.UnknownName:
		if near := nearest(trap.Name, trap.Known); near != "" {
			return e.grantWith(trap.Replaced(e.text, near), e.traps-1)
		}
	case condition.ChosenZone:
		inUTC := strings.Replace(trap.Text, "("+trap.Name+")", "('UTC')", 1)
		// Not found where it is written in another way, such as with other quotes.
		if fixed := strings.ReplaceAll(e.text, trap.Text, inUTC); fixed != e.text {
			return e.grantWith(fixed, e.traps-1)
		}
	case condition.EmptyList:
		if len(trap.Paths) > 0 {
			return e.grantWith(fmt.Sprintf("size(%s) > 0 && %s", trap.Paths[0], bracketed(e.text)), e.traps-1)
		}
	case condition.BothEmpty:
		for _, path := range trap.Paths {
			if field := path[len(path)-1]; field.Kind() == protoreflect.StringKind && !hasOneofRule(field) {
				return e.fixEmpty(field)
			}
		}
	}
	if acceptable(rule) {
		return e.fixAccept(rule)
	}
	return ""
}

// bracketed puts an expression in brackets where `&&` would take it apart.
func bracketed(text string) string {
	if strings.ContainsAny(text, "|?") {
		return "(" + text + ")"
	}
	return text
}

// grantWith is the grant with another expression, where that is a condition with no more
// traps than are left. A named condition is written where it is defined, and has no fix
// here.
func (e *expressionReading) grantWith(text string, left int) string {
	if text == "" || !e.isSound(text, left) {
		return ""
	}
	if e.grant.GetCel() != e.text {
		return "write the condition as: " + text
	}
	fixed := e.fixedGrant(e.grant)
	fixed.Cel = &text
	return e.grantText(fixed)
}

// fixAccept is the fix of the table, and the grant with the rule accepted.
func (e *expressionReading) fixAccept(rule Rule) string {
	fixed := e.fixedGrant(e.grant)
	fixed.Accept = append(fixed.GetAccept(), &sallyportv1.Acceptance{Rule: string(rule), Reason: "why this is right here"})
	return rule.Define().Fix + "\nWhere it is right as it is, accept it:\n" + e.grantText(fixed)
}
