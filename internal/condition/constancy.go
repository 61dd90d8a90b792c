package condition

import (
	"slices"
	"strconv"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// A Constancy says whether a condition depends on anything.
type Constancy int

// The constancies.
const (
	// Varies: the condition is true of some inputs and false of others, as far as can
	// be told.
	Varies Constancy = iota
	// AlwaysTrue: the condition lets everyone through.
	AlwaysTrue
	// AlwaysFalse: the condition lets no caller through.
	AlwaysFalse
)

// maxAtoms bounds how many different comparisons are tried in every combination.
const maxAtoms = 12

// constancy tries a condition with every combination of truth values of its
// comparisons. It takes a comparison as one that may be true or false, but for what
// compares a thing with itself; so it finds what is constant by its form and not
// what is constant for a deeper reason.
func constancy(checked *ast.AST) Constancy {
	atoms := atomTable{names: map[string]int{}, source: checked.SourceInfo(), types: checked.TypeMap()}
	formula := atoms.formula(checked.Expr())
	if len(atoms.names) > maxAtoms {
		return Varies
	}
	sawTrue, sawFalse := false, false
	for values := range uint64(1) << len(atoms.names) {
		if formula(values) {
			sawTrue = true
		} else {
			sawFalse = true
		}
	}
	switch {
	case !sawFalse:
		return AlwaysTrue
	case !sawTrue:
		return AlwaysFalse
	default:
		return Varies
	}
}

// A formula is a condition over the truth values of its atoms, a bit for each.
type formula func(values uint64) bool

// An atomTable numbers what a formula cannot look into, by its text.
type atomTable struct {
	names  map[string]int
	source *ast.SourceInfo
	types  map[int64]*types.Type
}

func (t atomTable) formula(expression ast.Expr) formula {
	switch expression.Kind() {
	case ast.LiteralKind:
		value := expression.AsLiteral() == types.True
		return func(uint64) bool { return value }
	case ast.CallKind:
		if formula := t.call(expression.AsCall()); formula != nil {
			return formula
		}
	default:
	}
	return t.atom(t.text(expression))
}

// call looks into the connectives and the comparisons; it returns nil for the rest.
func (t atomTable) call(call ast.CallExpr) formula {
	arguments := call.Args()
	switch call.FunctionName() {
	case operators.LogicalAnd:
		left, right := t.formula(arguments[0]), t.formula(arguments[1])
		return func(v uint64) bool { return left(v) && right(v) }
	case operators.LogicalOr:
		left, right := t.formula(arguments[0]), t.formula(arguments[1])
		return func(v uint64) bool { return left(v) || right(v) }
	case operators.LogicalNot:
		of := t.formula(arguments[0])
		return func(v uint64) bool { return !of(v) }
	case operators.Conditional:
		condition, yes, no := t.formula(arguments[0]), t.formula(arguments[1]), t.formula(arguments[2])
		return func(v uint64) bool {
			if condition(v) {
				return yes(v)
			}
			return no(v)
		}
	case operators.Equals:
		return t.comparison(arguments[0], arguments[1])
	case operators.NotEquals:
		of := t.comparison(arguments[0], arguments[1])
		return func(v uint64) bool { return !of(v) }
	default:
		return nil
	}
}

// comparison is an atom that does not mind which side is which.
func (t atomTable) comparison(left, right ast.Expr) formula {
	a, b := t.text(left), t.text(right)
	switch {
	case a == b && equalsItself(t.types[left.ID()]):
		return func(uint64) bool { return true }
	case left.Kind() == ast.LiteralKind && right.Kind() == ast.LiteralKind:
		value := left.AsLiteral().Equal(right.AsLiteral()) == types.True
		return func(uint64) bool { return value }
	}
	return t.atom(min(a, b) + " == " + max(a, b))
}

// equalsItself reports whether every value of a type is equal to itself. NaN is not.
func equalsItself(of *types.Type) bool {
	switch of.Kind() {
	case types.UnspecifiedKind, types.DoubleKind, types.DynKind, types.AnyKind, types.StructKind:
		return false
	default:
		return !slices.ContainsFunc(of.Parameters(), func(part *types.Type) bool { return !equalsItself(part) })
	}
}

func (t atomTable) atom(name string) formula {
	number, ok := t.names[name]
	if !ok {
		number = len(t.names)
		t.names[name] = number
	}
	// Beyond the limit no formula is evaluated.
	bit := uint64(1) << min(number, 63)
	return func(values uint64) bool { return values&bit != 0 }
}

// text writes an expression in one way, without regard to its spaces and brackets.
func (t atomTable) text(expression ast.Expr) string {
	text, err := cel.ExprToString(expression, t.source)
	if err != nil {
		// Cannot be written, so it is like no other.
		return "#" + strconv.FormatInt(expression.ID(), 10)
	}
	return text
}
