package declare

import (
	"slices"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// An Acceptance accepts, in one grant, what a rule would refuse.
type Acceptance struct {
	// Rule is the rule that the grant's expression breaks.
	Rule Rule
	// Reason is why that is right here, for reviewers.
	Reason string
}

// acceptable reports whether a grant can accept a rule. The other rules refuse what is
// right nowhere, or what can be said in another way.
func acceptable(rule Rule) bool {
	return slices.Contains([]Rule{RuleCELIdentity, RuleCELBothEmpty, RuleCELEmptyList, RuleCELUnset, RuleCELPart, RuleFieldValueUnread}, rule)
}

// accepts reports whether the grant accepts that its expression breaks a rule, and
// remembers that it needs to.
func (g *grantReading) accepts(rule Rule) bool {
	accepted := acceptable(rule) &&
		slices.ContainsFunc(g.grant.GetAccept(), func(of *sallyportv1.Acceptance) bool { return of.GetRule() == string(rule) })
	if accepted {
		g.used = append(g.used, rule)
	}
	return accepted
}

// readAccept returns what the grant accepts. It refuses an acceptance of a rule that
// cannot be accepted, and one that nothing needs, which would hide what is written
// later. read is whether all of the grant could be read.
func (g *grantReading) readAccept(read bool) []Acceptance {
	accepted := make([]Acceptance, 0, len(g.grant.GetAccept()))
	seen := map[Rule]bool{}
	for i, option := range g.grant.GetAccept() {
		rule := Rule(option.GetRule())
		fixed := g.fixedGrant(g.grant)
		fixed.Accept = slices.Delete(slices.Clone(g.grant.GetAccept()), i, i+1)
		switch {
		case !acceptable(rule):
			g.refuseWithFixf(RuleAcceptRule, g.grantText(fixed), "%s.accept: the rule %q cannot be accepted", g.path, rule)
		case read && (seen[rule] || !slices.Contains(g.used, rule)):
			g.refuseWithFixf(RuleAcceptUnused, g.grantText(fixed), "%s.accept: nothing in the grant breaks the rule %q", g.path, rule)
		}
		seen[rule] = true
		accepted = append(accepted, Acceptance{Rule: rule, Reason: option.GetReason()})
	}
	return accepted
}
