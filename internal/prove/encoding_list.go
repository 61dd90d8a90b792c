package prove

import (
	"maps"
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"github.com/sallyport-rpc/sallyport/internal/prove/smt"
)

// membership is `x in list`.
func (e *encoding) membership(expression ast.Expr) (truth, error) {
	left, right := expression.AsCall().Args()[0], expression.AsCall().Args()[1]
	if e.walk.isMap(right) {
		of, err := e.walk.entry(expression, right, left)
		if err != nil {
			return truth{}, err
		}
		return truthOf(e.variable(of.name+"?", smt.Bool), e.around(of)), nil
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
