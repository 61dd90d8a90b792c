package declare

import (
	"slices"
	"strings"
)

// AllScopes holds when the principal has all of some scopes.
type AllScopes struct {
	// Named are the scopes as declared.
	Named []string
}

var allScopesKind = conditionKind{
	field: "all_scopes",
	read:  func(g *grantReading) Condition { return AllScopes{Named: slices.Clone(g.grant.GetAllScopes())} },
}

// String implements [Condition].
func (s AllScopes) String() string { return "all_scopes " + strings.Join(s.Named, ", ") }

// ReadsRequest implements [Condition].
func (AllScopes) ReadsRequest() bool { return false }

func (s AllScopes) who() string { return "scope " + strings.Join(s.Named, " and ") }

func (s AllScopes) implies(other Condition) bool {
	wanted, ok := other.(AllScopes)
	return ok && within(wanted.Named, s.Named)
}

func (AllScopes) restsOn() []string { return nil }
