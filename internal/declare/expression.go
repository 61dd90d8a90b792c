package declare

import (
	"errors"
	"strings"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/condition"
)

// CEL holds when an expression is true.
type CEL struct {
	// Expression is compiled for the request type of the action. It is never nil.
	Expression *condition.Expression
}

var celKind = conditionKind{field: "cel", read: readCEL}

func readCEL(g *grantReading) Condition {
	expression, err := g.conditions.Compile(g.option.GetCel(), g.method.Input())
	if syntax, ok := errors.AsType[*condition.SyntaxError](err); ok {
		g.refusef(RuleCELInvalid, "%s.cel %s (line %d, column %d of the expression)\n%s",
			g.path, syntax.Problem, syntax.Line, syntax.Column, syntax.Caret())
		return nil
	}
	if err != nil {
		g.refusef(RuleCELInvalid, "%s.cel: %v", g.path, err)
		return nil
	}
	switch expression.Constancy() {
	case condition.AlwaysTrue:
		g.refusef(RuleCELAlwaysTrue, "%s.cel is true of every caller", g.path)
	case condition.AlwaysFalse:
		g.refusef(RuleCELAlwaysFalse, "%s.cel is true of no caller", g.path)
	case condition.Varies:
		if len(expression.Reads()) == 0 {
			g.refusef(RuleCELReadsNothing, "%s.cel reads neither `principal` nor `request`", g.path)
		}
	}
	if expression.ReadsRequest() && g.when == sallyportv1.Stream_OPEN {
		g.refusef(RuleStreamOpenRequest, "%s.cel reads `request`, and with authorize: OPEN there is none yet", g.path)
	}
	g.readIdentities(g.path, expression)
	return CEL{Expression: expression}
}

// String implements [Condition].
func (c CEL) String() string { return "cel " + c.Expression.Text() }

// ReadsRequest implements [Condition].
func (c CEL) ReadsRequest() bool { return c.Expression.ReadsRequest() }

func (c CEL) who() string { return strings.Join(strings.Fields(c.Expression.Text()), " ") }

func (c CEL) implies(other Condition) bool {
	wanted, ok := other.(CEL)
	return ok && c.Expression.Text() == wanted.Expression.Text()
}

func (CEL) restsOn() []string { return nil }
