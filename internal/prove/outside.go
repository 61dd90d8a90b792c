package prove

import "fmt"

// A Reason says why something is undecided.
type Reason struct {
	// Rule is a stable id, such as "prove-prefix".
	Rule string
	// Part is the part of a condition that is not decided, as it is written, or "".
	Part string
	// Text says what is not decided.
	Text string
	// Hint says how to write it so that it is decided.
	Hint string
}

// String is the reason on one line.
func (r Reason) String() string {
	part := ""
	if r.Part != "" {
		part = "`" + r.Part + "` "
	}
	return fmt.Sprintf("%s: %s%s; %s", r.Rule, part, r.Text, r.Hint)
}

// The rules by which something is undecided. Solvers are not asked about what is outside by
// RuleProduct, RulePattern, RuleTimeZone and RuleCharacter. RuleSolver… and those after say
// what came of asking them.
const (
	RuleArithmetic = "prove-arithmetic"
	RuleText       = "prove-text"
	RuleSize       = "prove-size"
	RuleMap        = "prove-map"
	RuleNested     = "prove-nested"
	RuleType       = "prove-type"
	RuleForm       = "prove-form"
	RuleChanged    = "prove-type-changed"
	RuleSteps      = "prove-steps"
	RuleInvalid    = "prove-no-valid-request"

	RuleProduct   = "prove-product"
	RulePattern   = "prove-pattern"
	RuleTimeZone  = "prove-time-zone"
	RuleCharacter = "prove-character"

	RuleSolverMissing = "prove-solver-missing"
	RuleSolverAlone   = "prove-solver-alone"
	RuleSolverSteps   = "prove-solver-steps"
	RuleSolverTime    = "prove-solver-time"
	RuleSolverFailed  = "prove-solver-failed"
	RuleSolversDiffer = "prove-solvers-differ"
	RuleNotReproduced = "prove-not-reproduced"
)

// hints say, for each rule about a part of a condition, what is not decided and how to
// write it so that it is.
var hints = map[string][2]string{
	RuleArithmetic: {"computes with its operands", "compare values with constants or with each other, or move the computation into a check"},
	RuleText:       {"looks into a text by another text, by order, or by a pattern that is large or asks for the edges of words and lines", "compare whole texts by `==` or `in`, ask `startsWith`, `endsWith`, `contains` or `matches` with a simple constant, or move the condition into a check"},
	RuleSize:       {"counts", "ask `has()` whether there is an element, or move the condition into a check"},
	RuleMap:        {"loops over a map, counts it, or reads it by another key than a text that is a constant or a field of the principal or the request", "read it by such a key, or use a list of messages with `exists`"},
	RuleNested:     {"has a loop within a loop, or a list within a list", "write one `exists` or `all` over one list"},
	RuleType:       {"is of a type that is not decided", "compare strings, enums, integers, bools, timestamps or durations"},
	RuleForm:       {"is of a form that is not decided", "use `==`, `!=`, `in`, `has`, `<`, `exists` and `all`, and `&&`, `||`, `!` and `?:` over those"},
	RuleProduct:    {"multiplies what varies", "multiply with a constant, compare the values themselves, or move the computation into a check"},
	RulePattern:    {"matches a pattern that varies", "write the pattern as a constant, use `startsWith`, `endsWith` or `contains`, or move the condition into a check"},
	RuleTimeZone:   {"asks for the hour, the day or the year of a time", "compare times with each other, or move the condition into a check"},
	RuleCharacter:  {"has a character above U+2FFFF", "write the text without it"},
	RuleChanged:    {"is of another type in the other declaration", "look at the change by hand"},
}

// An outsideError says that a part of a condition is outside of the fragment.
type outsideError struct{ Reason }

func (o *outsideError) Error() string { return o.String() }

func outside(rule, part string) error {
	return &outsideError{Reason{Rule: rule, Part: part, Text: hints[rule][0], Hint: hints[rule][1]}}
}
