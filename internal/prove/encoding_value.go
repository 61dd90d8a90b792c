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
		if e.kind(expression) != types.BoolKind {
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
	switch of.root {
	case inRequest:
		return fieldAt(e.sides[e.side].request, of.path)
	case inClaims:
		return fieldAt(e.sides[e.side].claims, of.path)
	default:
		return nil
	}
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

// around is whether what a place is in is set.
func (f *formula) around(of *place) *smt.Term {
	there := smt.Truth(true)
	for around := of.parent; around != nil; around = around.parent {
		if around.kind != records {
			there = smt.And(f.variable(around.name+"?", smt.Bool), there)
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
		isOne := smt.Truth(false)
		for _, item := range e.formula.items(of) {
			isOne = smt.Or(isOne, item.present)
		}
		return truthOf(isOne, there), nil
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
