package prove

import (
	"cmp"
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"

	"github.com/sallyport-rpc/sallyport/internal/prove/smt"
)

// turned are comparisons with their operands the other way round.
var turned = map[string]string{
	operators.Equals: operators.Equals, operators.NotEquals: operators.NotEquals,
	operators.Less: operators.Greater, operators.LessEquals: operators.GreaterEquals,
	operators.Greater: operators.Less, operators.GreaterEquals: operators.LessEquals,
}

// emptiness is the list of which a comparison asks no more than whether it has an element,
// such as `size(principal.roles) == 0`. isOne is whether the comparison is true of a list
// that has one. ok is false where it asks something else.
func (w *walk) emptiness(comparison ast.Expr) (list ast.Expr, isOne, ok bool) {
	call := comparison.AsCall()
	sized, number, operator := call.Args()[0], call.Args()[1], call.FunctionName()
	if sized.Kind() == ast.LiteralKind {
		sized, number, operator = number, sized, turned[operator]
	}
	if sized.Kind() != ast.CallKind || sized.AsCall().FunctionName() != overloads.Size || number.Kind() != ast.LiteralKind {
		return nil, false, false
	}
	if list = sized.AsCall().Target(); !sized.AsCall().IsMemberFunction() {
		list = sized.AsCall().Args()[0]
	}
	limit, isNumber := number.AsLiteral().(types.Int)
	if !isNumber || list.Kind() != ast.SelectKind || !w.isList(list) {
		return nil, false, false
	}
	holds := func(size types.Int) bool {
		switch sign := cmp.Compare(size, limit); operator {
		case operators.Equals:
			return sign == 0
		case operators.NotEquals:
			return sign != 0
		case operators.Less:
			return sign < 0
		case operators.LessEquals:
			return sign <= 0
		case operators.Greater:
			return sign > 0
		default:
			return sign >= 0
		}
	}
	// It says the same of all sizes from one on where the limit is at most one, and is asked
	// about with `==` only where it is nought.
	exact := []string{operators.Equals, operators.NotEquals, operators.Greater, operators.LessEquals}
	if limit > 1 || limit == 1 && slices.Contains(exact, operator) {
		return nil, false, false
	}
	return list, holds(1), holds(0) != holds(1)
}

// asksWhetherEmpty takes in such a comparison. ok is false where it is none.
func (w *walk) asksWhetherEmpty(comparison ast.Expr) (ok bool, err error) {
	list, _, ok := w.emptiness(comparison)
	if !ok {
		return false, nil
	}
	_, err = w.read(list, true) // as `has` does
	return true, err
}

// whetherEmpty is such a comparison.
func (e *encoding) whetherEmpty(comparison ast.Expr) (said truth, ok bool, err error) {
	list, isOne, ok := e.walk.emptiness(comparison)
	if !ok {
		return truth{}, false, nil
	}
	said, err = e.has(list)
	if !isOne {
		said.is, said.not = said.not, said.is
	}
	return said, true, err
}

// hasElement is whether one of the elements is there.
func hasElement(items []item) *smt.Term {
	isOne := smt.Truth(false)
	for _, item := range items {
		isOne = smt.Or(isOne, item.present)
	}
	return isOne
}
