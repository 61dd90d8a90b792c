package prove

import (
	"math/big"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/prove/smt"
)

// value is an expression that is compared or looked at.
func (e *encoding) value(expression ast.Expr) (computed, error) {
	if reference := e.walk.tree.ReferenceMap()[expression.ID()]; reference != nil && reference.Value != nil {
		return e.constant(expression)
	}
	switch expression.Kind() {
	case ast.LiteralKind:
		return e.constant(expression)
	case ast.IdentKind, ast.SelectKind:
		if expression.Kind() == ast.IdentKind || !expression.AsSelect().IsTestOnly() {
			return e.reading(expression)
		}
	case ast.CallKind:
		if e.kind(expression) != types.BoolKind || expression.AsCall().FunctionName() == operators.Index {
			return e.computed(expression)
		}
	default:
	}
	if e.kind(expression) != types.BoolKind {
		return computed{}, e.walk.outside(RuleForm, expression)
	}
	said, err := e.truth(expression)
	return computed{smt.Or(said.is, said.not), said.is}, err
}

func (e *encoding) kind(expression ast.Expr) types.Kind {
	return e.walk.tree.GetType(expression.ID()).Kind()
}

// constant is a value that is written, which the walk reads.
func (e *encoding) constant(expression ast.Expr) (computed, error) {
	class, err := e.walk.term(expression)
	if err != nil {
		return computed{}, err
	}
	made := computed{there: smt.Truth(true)}
	switch value := firstOf(class).(type) {
	case string:
		if !smt.IsText(value) {
			return computed{}, e.walk.outside(RuleCharacter, expression)
		}
		made.of = smt.Text(value)
	case *big.Int:
		made.of = smt.Number(value)
	default:
		made.of = smt.Truth(expression.AsLiteral() == types.True)
	}
	return made, nil
}

// firstOf is the constant of a class that has one, but for that of bools.
func firstOf(of *class) any {
	if of.sort == ofBool || len(of.constants) != 1 {
		return nil
	}
	return of.constants[0]
}

// reading is what a place holds.
func (e *encoding) reading(expression ast.Expr) (computed, error) {
	of, err := e.walk.read(expression, false)
	if err != nil {
		return computed{}, err
	}
	switch {
	case of.kind == set && expression.Kind() == ast.IdentKind:
		return computed{smt.Truth(true), e.items[expression.AsIdent()].value}, nil
	case of.kind != scalar:
		return computed{}, e.walk.outside(RuleType, expression)
	}
	of = e.concrete(expression, of)
	value := e.variable(of.name, smtSort(of.class.whole().sort))
	there := e.around(of)
	if !of.optional {
		return computed{there, value}, nil
	}
	isSet := e.variable(of.name+"?", smt.Bool)
	if field := e.field(of); field != nil && field.Message() == nil && field.HasDefault() {
		return computed{there, smt.If(isSet, value, termOf(plain(field, field.Default())))}, nil
	}
	return computed{smt.And(there, isSet), value}, nil
}

// field is the field of a place, or nil.
func (e *encoding) field(of *place) protoreflect.FieldDescriptor {
	return fieldAt(e.sides[e.side].message(of.root), of.path)
}

func termOf(value any) *smt.Term {
	switch value := value.(type) {
	case string:
		return smt.Text(value)
	case bool:
		return smt.Truth(value)
	default:
		return smt.Number(number(value))
	}
}

// concrete is the place of the element that a loop is at.
func (e *encoding) concrete(expression ast.Expr, of *place) *place {
	for expression.Kind() == ast.SelectKind {
		expression = expression.AsSelect().Operand()
	}
	if expression.Kind() != ast.IdentKind {
		return of
	}
	at, ok := e.items[expression.AsIdent()]
	if !ok || at.element == nil || e.counting {
		return of
	}
	list := e.walk.variables[expression.AsIdent()]
	for _, field := range at.element.fields {
		if field.name == at.element.name+strings.TrimPrefix(of.name, list.name) {
			return field
		}
	}
	return of
}

// around is whether what a place is in is set, and what finds it there.
func (f *formula) around(of *place) *smt.Term {
	there := f.keyThere(of.key)
	for around := of.parent; around != nil; around = around.parent {
		if around.kind != records {
			there = smt.And(f.keyThere(around.key), f.variable(around.name+"?", smt.Bool), there)
		}
	}
	return there
}

// has is whether a field is set.
func (e *encoding) has(expression ast.Expr) (truth, error) {
	of, err := e.walk.read(expression, true)
	if err != nil {
		return truth{}, err
	}
	of = e.concrete(expression, of)
	there := e.around(of)
	switch {
	case of.kind == set || of.kind == records:
		e.use(of, e.loops)
		return truthOf(hasElement(e.formula.items(of)), there), nil
	case of.kind == message || of.optional:
		return truthOf(e.variable(of.name+"?", smt.Bool), there), nil
	case of.root == inPrincipal:
		return truthOf(smt.Truth(true), there), nil // no principal is without an id and a scheme
	}
	field := e.field(of)
	if field == nil {
		return truth{}, e.walk.outside(RuleType, expression)
	}
	value := e.variable(of.name, smtSort(of.class.whole().sort))
	return truthOf(smt.Not(smt.Equal(value, termOf(plain(field, field.Default())))), there), nil
}
