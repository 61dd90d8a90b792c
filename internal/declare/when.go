package declare

import (
	"strings"

	"github.com/sallyport-rpc/sallyport/internal/condition"
)

// When holds when an expression is true that a file option defines under a name.
type When struct {
	// Name is the condition's name as declared, such as "same_org".
	Name string
	// Expression is what is defined under the name, compiled for the request type of
	// the action. It is never nil.
	Expression *condition.Expression
}

var whenKind = conditionKind{field: "when", read: readWhen}

func readWhen(g *grantReading) Condition {
	name := g.grant.GetWhen()
	found, ambiguous, known := g.view().namedCondition(name)
	switch {
	case found == nil:
		unused := g.unusedCondition(name)
		fix := g.fixUnknownCondition()
		if unused != nil {
			fix = g.fixUnused(unused)
		}
		g.refuseWithFixf(RuleWhenUnknown, fix, "%s: no file of %s defines condition %q%s%s",
			g.path, g.view().packages(), name, didYouMean(name, known), g.whereUnused(unused))
		return nil
	case ambiguous:
		g.refusef(RuleWhenAmbiguous, "%s: more than one package that is used defines condition %q", g.path, name)
		return nil
	case found.CEL == "":
		return nil // refused where it is defined
	}
	reading := &expressionReading{grantReading: g, field: g.path + ".when " + name, text: found.CEL, invalid: RuleWhenInvalid}
	if expression := reading.read(); expression != nil {
		return When{Name: name, Expression: expression}
	}
	return nil
}

// fixUnknownCondition is the grant with the condition that was meant, or "" where none
// is near.
func (g *grantReading) fixUnknownCondition() string {
	if fixed := g.fixedGrant(g.grant); fixed.When != nil {
		return g.grantFix(g.grant, fixed)
	}
	return ""
}

// conditionName makes a condition's name of a text: that of the defined one that is
// nearest, or "" where none is near.
func (m *methodReading) conditionName(text string) string {
	_, _, known := m.view().namedCondition(text)
	return nearest(snakeCase(text), known)
}

// String implements [Condition]. It has the expression, on one line.
func (w When) String() string { return "when " + w.who() }

// ReadsRequest implements [Condition].
func (w When) ReadsRequest() bool { return w.Expression.ReadsRequest() }

func (w When) who() string {
	return w.Name + " (" + strings.Join(strings.Fields(w.Expression.Text()), " ") + ")"
}

func (w When) implies(other Condition) bool {
	switch other := other.(type) {
	case When:
		return w.Expression.Text() == other.Expression.Text()
	case CEL:
		return w.Expression.Text() == other.Expression.Text()
	default:
		return false
	}
}

// restsOn is the expression: the option has its name alone.
func (w When) restsOn() []string { return []string{w.Expression.Text()} }
