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
func constancy(checked *ast.AST, facts Facts) Constancy {
	atoms := atomTable{
		names: map[string]int{}, source: checked.SourceInfo(), types: checked.TypeMap(),
		schemes: facts.Schemes, equal: map[string]map[string]uint64{},
	}
	formula := atoms.formula(checked.Expr())
	if len(atoms.names) > maxAtoms {
		return Varies
	}
	sawTrue, sawFalse := false, false
	for values := range uint64(1) << len(atoms.names) {
		if !atoms.possible(values) {
			continue
		}
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
	// schemes are those of the action; nil where they are not known.
	schemes []string
	// equal has the bits of the atoms that compare a value with literals, by the text of
	// the value and of the literal.
	equal map[string]map[string]uint64
}

// possible reports whether the atoms can be so: a value is equal to one literal at
// most, and the scheme of a principal is one of the action's.
func (t atomTable) possible(values uint64) bool {
	for subject, literals := range t.equal {
		equal := 0
		for _, bit := range literals {
			if values&bit != 0 {
				equal++
			}
		}
		isScheme := subject == "principal.scheme" && t.schemes != nil
		if equal > 1 || isScheme && equal == 0 && len(literals) == len(t.schemes) {
			return false
		}
	}
	return true
}

// always is the formula of a constant.
func always(value bool) formula { return func(uint64) bool { return value } }

func (t atomTable) formula(expression ast.Expr) formula {
	switch expression.Kind() {
	case ast.LiteralKind:
		return always(expression.AsLiteral() == types.True)
	case ast.SelectKind:
		// A gate lets in no principal without the two.
		if expression.AsSelect().IsTestOnly() && isNeverEmpty(expression) {
			return always(true)
		}
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
	case operators.In:
		if arguments[1].Kind() == ast.ListKind {
			return t.amongElements(arguments[0], arguments[1].AsList().Elements())
		}
		return nil
	default:
		if value, ok := alwaysSays(call); ok {
			return always(value)
		}
		return nil
	}
}

// amongElements is the equality with one of the elements of a list that is written.
func (t atomTable) amongElements(element ast.Expr, list []ast.Expr) formula {
	equal := make([]formula, len(list))
	for i, other := range list {
		equal[i] = t.comparison(element, other)
	}
	return func(v uint64) bool {
		return slices.ContainsFunc(equal, func(of formula) bool { return of(v) })
	}
}

// comparison is an atom that does not mind which side is which.
func (t atomTable) comparison(left, right ast.Expr) formula {
	a, b := t.text(left), t.text(right)
	switch {
	case a == b && equalsItself(t.types[left.ID()]):
		return func(uint64) bool { return true }
	case left.Kind() == ast.LiteralKind && right.Kind() == ast.LiteralKind:
		return always(left.AsLiteral().Equal(right.AsLiteral()) == types.True)
	case left.Kind() == ast.LiteralKind:
		return t.comparison(right, left)
	}
	if says, ok := alwaysCompares(operators.Equals, left, right); ok {
		return always(says)
	}
	name := min(a, b) + " == " + max(a, b)
	if right.Kind() != ast.LiteralKind || t.types[right.ID()].Kind() == types.DoubleKind {
		return t.atom(name)
	}
	if literal, ok := stringOf(right); ok && a == "principal.scheme" && t.schemes != nil {
		if !slices.Contains(t.schemes, literal) {
			return always(false)
		}
	}
	atom := t.atom(name)
	if t.equal[a] == nil {
		t.equal[a] = map[string]uint64{}
	}
	t.equal[a][b] = uint64(1) << min(t.names[name], 63)
	return atom
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
