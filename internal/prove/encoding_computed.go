package prove

import (
	"math"
	"math/big"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/prove/smt"
)

// computed is a value that is made of others.
func (e *encoding) computed(expression ast.Expr) (computed, error) {
	call := expression.AsCall()
	switch name := call.FunctionName(); name {
	case overloads.TypeConvertTimestamp, overloads.TypeConvertDuration:
		if len(e.walk.literals(call.Args()[0])) == 1 {
			return e.constant(expression)
		}
	case operators.Conditional:
		condition, err := e.truth(call.Args()[0])
		if err != nil {
			return computed{}, err
		}
		then, err := e.value(call.Args()[1])
		if err != nil {
			return computed{}, err
		}
		otherwise, err := e.value(call.Args()[2])
		return computed{
			smt.Or(smt.And(condition.is, then.there), smt.And(condition.not, otherwise.there)),
			smt.If(condition.is, then.of, otherwise.of),
		}, err
	case operators.Index:
		return e.reading(expression)
	case overloads.Size:
		return e.sizeOf(expression)
	case operators.Add, operators.Subtract, operators.Multiply, operators.Negate:
		return e.arithmetic(expression)
	}
	return computed{}, e.walk.outside(ruleOfCall(call), expression)
}

// sizeOf counts the letters of a text or the elements of a list.
func (e *encoding) sizeOf(expression ast.Expr) (computed, error) {
	call := expression.AsCall()
	of := call.Target()
	if !call.IsMemberFunction() {
		of = call.Args()[0]
	}
	switch e.kind(of) {
	case types.StringKind:
		text, err := e.value(of)
		return computed{text.there, smt.Length(text.of)}, err
	case types.ListKind:
		list, err := e.walk.read(of, false)
		if err != nil {
			return computed{}, err
		}
		// Of roles and scopes each is there once, so that how many there are depends on which.
		if of.Kind() == ast.IdentKind || list.root == inPrincipal {
			return computed{}, e.walk.outside(RuleSize, expression)
		}
		e.useOf(list).sized = true
		return computed{e.around(list), e.size(list)}, nil
	case types.MapKind:
		return computed{}, e.walk.outside(RuleMap, expression)
	default:
		return computed{}, e.walk.outside(RuleSize, expression)
	}
}

// arithmetic computes with numbers, times and texts. What is beyond the range of its type
// is not there.
func (e *encoding) arithmetic(expression ast.Expr) (computed, error) {
	call := expression.AsCall()
	operands := make([]computed, len(call.Args()))
	there := smt.Truth(true)
	for i, operand := range call.Args() {
		var err error
		if operands[i], err = e.value(operand); err != nil {
			return computed{}, err
		}
		there = smt.And(there, operands[i].there)
	}
	a, b := operands[0].of, operands[len(operands)-1].of
	kinds := [2]types.Kind{e.kind(call.Args()[0]), e.kind(call.Args()[len(operands)-1])}
	var made *smt.Term
	switch call.FunctionName() {
	case operators.Add:
		if kinds[0] == types.StringKind {
			return computed{there, smt.Join(a, b)}, nil
		}
		made = smt.Plus(a, b)
	case operators.Subtract:
		made = smt.Minus(a, b)
		switch {
		case kinds == [2]types.Kind{types.TimestampKind, types.TimestampKind}:
			// CEL looks at the seconds by themselves first.
			there = smt.And(there, smt.Between(seconds(math.MinInt64), smt.Minus(smt.Seconds(a), smt.Seconds(b)), seconds(math.MaxInt64)))
		case kinds[0] == types.TimestampKind:
			there = smt.And(there, smt.Less(smt.Number(big.NewInt(math.MinInt64)), b)) // which has no opposite
		}
	case operators.Negate:
		made = smt.Minus(smt.Number(new(big.Int)), a)
	default:
		factor, isConstant := a.Constant().(*big.Int)
		if !isConstant {
			a, b = b, a
			factor, isConstant = a.Constant().(*big.Int)
		}
		if !isConstant {
			return computed{}, e.walk.outside(RuleProduct, expression)
		}
		made = smt.Times(factor, b)
	}
	sort, ok := map[types.Kind]sort{types.IntKind: ofInt, types.UintKind: ofUint, types.TimestampKind: ofTime, types.DurationKind: ofDuration}[e.kind(expression)]
	if !ok {
		return computed{}, e.walk.outside(RuleArithmetic, expression)
	}
	low, high := rangeOf(sort, protoreflect.Int64Kind)
	return computed{smt.And(there, smt.Between(low, made, high)), made}, nil
}

// seconds are those of nanoseconds, without the rest.
func seconds(nanoseconds int64) *big.Int { return big.NewInt(nanoseconds / 1e9) }

// ruleOfCall is the rule by which a call is outside of what is decided.
func ruleOfCall(call ast.CallExpr) string {
	switch name := call.FunctionName(); {
	case strings.HasPrefix(name, "get"):
		return RuleTimeZone
	case name == operators.Divide || name == operators.Modulo:
		return RuleArithmetic
	case name == operators.Index:
		return RuleMap
	default:
		return RuleForm
	}
}
