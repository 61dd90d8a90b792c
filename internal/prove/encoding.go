package prove

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"

	"github.com/sallyport-rpc/sallyport/internal/prove/smt"
)

// An encoding makes terms of one expression.
type encoding struct {
	*formula

	side  int
	walk  *walk // finds the places
	items map[string]item
	loops []*listUse // those around
}

// truth is an expression that is true, false or absent.
func (e *encoding) truth(expression ast.Expr) (truth, error) {
	switch expression.Kind() {
	case ast.LiteralKind:
		return truthOf(smt.Truth(expression.AsLiteral() == types.True), smt.Truth(true)), nil
	case ast.ComprehensionKind:
		return e.loop(expression)
	case ast.CallKind:
		return e.call(expression)
	case ast.SelectKind:
		if expression.AsSelect().IsTestOnly() {
			return e.has(expression)
		}
	default:
	}
	value, err := e.value(expression)
	if err != nil {
		return truth{}, err
	}
	return truthOf(value.of, value.there), nil
}

func (e *encoding) call(expression ast.Expr) (truth, error) {
	call := expression.AsCall()
	switch call.FunctionName() {
	case operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot, operators.Conditional:
		return e.connective(call)
	case operators.Equals, operators.NotEquals:
		return e.equality(expression)
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		return e.order(expression)
	case operators.In:
		return e.membership(expression)
	case overloads.StartsWith, overloads.EndsWith, overloads.Contains, overloads.Matches:
		return e.looks(expression)
	case operators.Index:
		value, err := e.reading(expression)
		return truthOf(value.of, value.there), err
	default:
		return truth{}, e.walk.outside(ruleOfCall(call), expression)
	}
}

func (e *encoding) connective(call ast.CallExpr) (truth, error) {
	operands := make([]truth, len(call.Args()))
	for i, operand := range call.Args() {
		var err error
		if operands[i], err = e.truth(operand); err != nil {
			return truth{}, err
		}
	}
	a, b := operands[0], operands[len(operands)-1]
	switch call.FunctionName() {
	case operators.LogicalAnd:
		return truth{smt.And(a.is, b.is), smt.Or(a.not, b.not)}, nil
	case operators.LogicalOr:
		return truth{smt.Or(a.is, b.is), smt.And(a.not, b.not)}, nil
	case operators.LogicalNot:
		return truth{a.not, a.is}, nil
	default:
		then := operands[1]
		return truth{
			smt.Or(smt.And(a.is, then.is), smt.And(a.not, b.is)),
			smt.Or(smt.And(a.is, then.not), smt.And(a.not, b.not)),
		}, nil
	}
}

// operands are two values that are compared, and whether both are there.
func (e *encoding) operands(expression ast.Expr) (one, other, there *smt.Term, err error) {
	left, err := e.value(expression.AsCall().Args()[0])
	if err != nil {
		return nil, nil, nil, err
	}
	right, err := e.value(expression.AsCall().Args()[1])
	if err != nil {
		return nil, nil, nil, err
	}
	return left.of, right.of, smt.And(left.there, right.there), nil
}

func (e *encoding) equality(expression ast.Expr) (truth, error) {
	if said, ok, err := e.whetherEmpty(expression); ok {
		return said, err
	}
	one, other, there, err := e.operands(expression)
	if err != nil {
		return truth{}, err
	}
	said := truthOf(smt.Equal(one, other), there)
	if expression.AsCall().FunctionName() == operators.NotEquals {
		said.is, said.not = said.not, said.is
	}
	return said, nil
}

func (e *encoding) order(expression ast.Expr) (truth, error) {
	if said, ok, err := e.whetherEmpty(expression); ok {
		return said, err
	}
	one, other, there, err := e.operands(expression)
	if err != nil {
		return truth{}, err
	}
	if one.Sort() != smt.Int {
		return truth{}, e.walk.outside(RuleText, expression)
	}
	switch expression.AsCall().FunctionName() {
	case operators.Less:
		return truthOf(smt.Less(one, other), there), nil
	case operators.LessEquals:
		return truthOf(smt.AtMost(one, other), there), nil
	case operators.Greater:
		return truthOf(smt.Less(other, one), there), nil
	default:
		return truthOf(smt.AtMost(other, one), there), nil
	}
}

// looks is `startsWith`, `endsWith`, `contains` or `matches`.
func (e *encoding) looks(expression ast.Expr) (truth, error) {
	call := expression.AsCall()
	text, sought := call.Target(), call.Args()[0]
	of, err := e.value(text)
	if err != nil {
		return truth{}, err
	}
	if call.FunctionName() == overloads.Matches {
		literals := e.walk.literals(sought)
		if len(literals) != 1 {
			return truth{}, e.walk.outside(RulePattern, expression)
		}
		pattern, ok := smt.Search(literals[0])
		if !ok {
			return truth{}, e.walk.outside(RuleText, expression)
		}
		return truthOf(smt.Matches(of.of, pattern), of.there), nil
	}
	other, err := e.value(sought)
	if err != nil {
		return truth{}, err
	}
	looks := map[string]func(of, other *smt.Term) *smt.Term{
		overloads.StartsWith: smt.HasPrefix, overloads.EndsWith: smt.HasSuffix, overloads.Contains: smt.Contains,
	}[call.FunctionName()]
	return truthOf(looks(of.of, other.of), smt.And(of.there, other.there)), nil
}
