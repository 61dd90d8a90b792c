package prove

import (
	"maps"
	"slices"

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

// membership is `x in list`.
func (e *encoding) membership(expression ast.Expr) (truth, error) {
	left, right := expression.AsCall().Args()[0], expression.AsCall().Args()[1]
	if e.walk.tree.GetType(right.ID()).Kind() == types.MapKind {
		return truth{}, e.walk.outside(RuleMap, expression)
	}
	sought, err := e.value(left)
	if err != nil {
		return truth{}, err
	}
	if right.Kind() == ast.ListKind {
		there, among := sought.there, smt.Truth(false)
		for _, part := range right.AsList().Elements() {
			of, err := e.value(part)
			if err != nil {
				return truth{}, err
			}
			there, among = smt.And(there, of.there), smt.Or(among, smt.Equal(sought.of, of.of))
		}
		if right.AsList().Size() == 0 {
			there = smt.Truth(true) // it is not looked at what is sought
		}
		return truthOf(among, there), nil
	}
	items, there, err := e.list(right)
	if err != nil {
		return truth{}, err
	}
	if len(items) > 0 && items[0].value == nil {
		return truth{}, e.walk.outside(RuleForm, expression)
	}
	return truthOf(isAmong(items, []*smt.Term{sought.of}), smt.And(sought.there, there)), nil
}

// list is the elements of a list that is looked at, and whether it is there.
func (e *encoding) list(expression ast.Expr) ([]item, *smt.Term, error) {
	list, err := e.walk.read(expression, false)
	if err != nil {
		return nil, nil, err
	}
	if list.kind != set && list.kind != records || expression.Kind() == ast.IdentKind {
		return nil, nil, e.walk.outside(RuleForm, expression)
	}
	of := e.use(list, e.loops)
	if slices.Contains(e.loops, of) {
		return nil, nil, e.walk.outside(RuleNested, expression)
	}
	items := e.formula.items(list)
	if list.name == "principal.roles" {
		items = e.effective(e.side, items)
	}
	return items, e.around(list), nil
}

// loop is `exists` or `all`.
func (e *encoding) loop(expression ast.Expr) (truth, error) {
	loop := expression.AsComprehension()
	macro, ok := e.walk.tree.SourceInfo().GetMacroCall(expression.ID())
	body := loop.LoopStep()
	if !ok || macro.Kind() != ast.CallKind || loop.HasIterVar2() || body.Kind() != ast.CallKind || len(body.AsCall().Args()) != 2 ||
		!slices.Contains([]string{operators.Exists, operators.All}, macro.AsCall().FunctionName()) {
		return truth{}, e.walk.outside(RuleForm, expression)
	}
	if !e.walk.isList(loop.IterRange()) {
		return truth{}, e.walk.outside(RuleMap, expression)
	}
	items, there, err := e.list(loop.IterRange())
	if err != nil {
		return truth{}, err
	}
	list, err := e.walk.read(loop.IterRange(), false)
	if err != nil {
		return truth{}, err
	}
	restore := e.enter(loop.IterVar(), list)
	defer restore()
	// That it is true of one, and that it is not false of any.
	decides, others := []*smt.Term{}, []*smt.Term{}
	isAll := macro.AsCall().FunctionName() == operators.All
	for _, of := range items {
		e.items[loop.IterVar()] = of
		said, err := e.truth(body.AsCall().Args()[1])
		if err != nil {
			return truth{}, err
		}
		if isAll {
			said.is, said.not = said.not, said.is
		}
		decides = append(decides, smt.And(of.present, said.is))
		others = append(others, smt.Implies(of.present, said.not))
	}
	said := truth{smt.And(there, smt.Or(decides...)), smt.And(there, smt.And(others...))}
	if isAll {
		said.is, said.not = said.not, said.is
	}
	return said, nil
}

// enter makes a variable run over a list, until what it returns is called.
func (e *encoding) enter(variable string, list *place) (leave func()) {
	variables, items, loops := e.walk.variables, e.items, e.loops
	e.walk.variables, e.items = maps.Clone(variables), maps.Clone(items)
	if e.walk.variables == nil {
		e.walk.variables, e.items = map[string]*place{}, map[string]item{}
	}
	e.walk.variables[variable] = list
	e.loops = append(slices.Clone(loops), e.useOf(list))
	return func() { e.walk.variables, e.items, e.loops = variables, items, loops }
}
