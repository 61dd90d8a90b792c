package prove

import (
	"maps"
	"math/big"
	"regexp"
	"slices"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// A walk takes in one expression: it finds the places that the expression reads and what
// they are compared with, and refuses what is outside of the fragment.
type walk struct {
	model *model
	side  *side
	tree  *ast.AST
	uses  []*place
	// variables are those of the loops around, with the lists that they run over.
	variables map[string]*place
	loop      *place // the list of the loop around, or nil
}

func (w *walk) outside(rule string, part ast.Expr) error {
	text, err := cel.ExprToString(part, w.tree.SourceInfo())
	if err != nil {
		text = ""
	}
	return outside(rule, text)
}

// use notes that the expression reads a place, and so what is around it.
func (w *walk) use(of *place) *place {
	if of.key != nil && of.key.place != nil {
		w.use(of.key.place)
	}
	if of.parent != nil {
		w.use(of.parent)
	}
	if !slices.Contains(w.uses, of) {
		w.uses = append(w.uses, of)
	}
	return of
}

// boolean takes in an expression that is true, false or absent.
func (w *walk) boolean(expression ast.Expr) error {
	switch expression.Kind() {
	case ast.LiteralKind:
		return nil
	case ast.IdentKind, ast.SelectKind:
		if expression.Kind() == ast.SelectKind && expression.AsSelect().IsTestOnly() {
			_, err := w.read(expression, true)
			return err
		}
		_, err := w.term(expression)
		return err
	case ast.ComprehensionKind:
		return w.loops(expression)
	case ast.CallKind:
		return w.call(expression)
	default:
		return w.outside(RuleForm, expression)
	}
}

func (w *walk) call(expression ast.Expr) error {
	call := expression.AsCall()
	switch call.FunctionName() {
	case operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot, operators.Conditional:
		for _, operand := range call.Args() {
			if err := w.boolean(operand); err != nil {
				return err
			}
		}
		return nil
	case operators.Equals, operators.NotEquals:
		return w.comparison(expression, false)
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		return w.comparison(expression, true)
	case operators.In:
		return w.membership(expression)
	case overloads.StartsWith, overloads.EndsWith, overloads.Contains, overloads.Matches:
		return w.looks(expression)
	case operators.Index:
		_, err := w.term(expression)
		return err
	default:
		return w.outside(RuleForm, expression)
	}
}

// looks takes in `startsWith`, `endsWith`, `contains` and `matches` with a constant.
func (w *walk) looks(expression ast.Expr) error {
	call := expression.AsCall()
	texts := w.literals(call.Args()[0])
	switch {
	case len(texts) == 1:
	case call.FunctionName() == overloads.Matches:
		return w.outside(RulePattern, expression)
	default:
		return w.outside(RuleText, expression)
	}
	of, err := w.term(call.Target())
	if err != nil {
		return err
	}
	pattern := regexp.QuoteMeta(texts[0])
	switch call.FunctionName() {
	case overloads.StartsWith:
		pattern = `\A` + pattern
	case overloads.EndsWith:
		pattern += `\z`
	case overloads.Matches:
		pattern = texts[0]
	}
	if _, ok := programOf(pattern); !ok {
		return w.outside(RuleText, expression)
	}
	of.look.merge(&look{[]string{pattern}})
	return nil
}

func (w *walk) comparison(expression ast.Expr, ordered bool) error {
	left, right := expression.AsCall().Args()[0], expression.AsCall().Args()[1]
	if w.tree.GetType(left.ID()).Kind() == types.BoolKind && !ordered {
		if err := w.boolean(left); err != nil {
			return err
		}
		return w.boolean(right)
	}
	if ok, err := w.asksWhetherEmpty(expression); ok || err != nil {
		return err
	}
	one, err := w.term(left)
	if err != nil {
		return err
	}
	other, err := w.term(right)
	if err != nil {
		return err
	}
	if ordered && (one.whole().sort == ofString || one.whole().sort == ofBool) {
		return w.outside(RuleText, expression)
	}
	whole := merge(one, other)
	whole.ordered = whole.ordered || ordered
	return nil
}

func (w *walk) isList(expression ast.Expr) bool {
	return w.tree.GetType(expression.ID()).Kind() == types.ListKind
}

// literals returns the strings that an expression is where it is one.
func (*walk) literals(expression ast.Expr) []string {
	if expression.Kind() == ast.LiteralKind {
		if text, ok := expression.AsLiteral().(types.String); ok {
			return []string{string(text)}
		}
	}
	return nil
}

// membership takes in `x in list`.
func (w *walk) membership(expression ast.Expr) error {
	left, right := expression.AsCall().Args()[0], expression.AsCall().Args()[1]
	if w.isMap(right) {
		_, err := w.entry(expression, right, left)
		return err
	}
	sought, err := w.term(left)
	if err != nil {
		return err
	}
	if right.Kind() == ast.ListKind {
		for _, part := range right.AsList().Elements() {
			other, err := w.term(part)
			if err != nil {
				return err
			}
			sought = merge(sought, other)
		}
		return nil
	}
	list, err := w.read(right, false)
	if err != nil {
		return err
	}
	if list.kind != set {
		return w.outside(RuleForm, expression)
	}
	switch {
	case w.loop == list, w.loop != nil && left.Kind() == ast.CallKind:
		return w.outside(RuleNested, expression)
	case w.isOfElement(left):
		list.sought = true
	default:
		list.members++
	}
	if list.name == "principal.roles" {
		names := w.literals(left)
		list.allNames = list.allNames || len(names) == 0
		for _, name := range names {
			for _, giving := range w.side.giving(name) {
				list.class.add(giving)
			}
		}
	}
	merge(sought, list.class)
	return nil
}

// isOfElement reports whether an expression is the variable of a loop, or selects from it.
func (w *walk) isOfElement(expression ast.Expr) bool {
	for expression.Kind() == ast.SelectKind {
		expression = expression.AsSelect().Operand()
	}
	return expression.Kind() == ast.IdentKind && w.variables[expression.AsIdent()] != nil
}

// loops takes in `exists` and `all`.
func (w *walk) loops(expression ast.Expr) error {
	loop := expression.AsComprehension()
	macro, ok := w.tree.SourceInfo().GetMacroCall(expression.ID())
	if !ok || macro.Kind() != ast.CallKind || loop.HasIterVar2() ||
		!slices.Contains([]string{operators.Exists, operators.All}, macro.AsCall().FunctionName()) {
		return w.outside(RuleForm, expression)
	}
	if w.loop != nil {
		return w.outside(RuleNested, expression)
	}
	if !w.isList(loop.IterRange()) {
		return w.outside(RuleMap, expression)
	}
	list, err := w.read(loop.IterRange(), false)
	if err != nil {
		return err
	}
	if list.kind != set && list.kind != records {
		return w.outside(RuleForm, expression)
	}
	list.loops++
	list.allNames = true
	variables := w.variables
	w.variables = maps.Clone(variables)
	if w.variables == nil {
		w.variables = map[string]*place{}
	}
	w.variables[loop.IterVar()], w.loop = list, list
	defer func() { w.variables, w.loop = variables, nil }()
	body := loop.LoopStep()
	if body.Kind() != ast.CallKind || len(body.AsCall().Args()) != 2 {
		return w.outside(RuleForm, expression)
	}
	return w.boolean(body.AsCall().Args()[1])
}

// term takes in a value that is compared, and returns the class of it.
func (w *walk) term(expression ast.Expr) (*class, error) {
	if reference := w.tree.ReferenceMap()[expression.ID()]; reference != nil && reference.Value != nil {
		return w.constant(expression, reference.Value) // of an enum
	}
	switch expression.Kind() {
	case ast.LiteralKind:
		return w.constant(expression, expression.AsLiteral())
	case ast.IdentKind, ast.SelectKind:
		if expression.Kind() == ast.SelectKind && expression.AsSelect().IsTestOnly() {
			return newClass(ofBool), w.boolean(expression)
		}
		of, err := w.read(expression, false)
		if err != nil {
			return nil, err
		}
		if of.kind == set && expression.Kind() == ast.IdentKind || of.kind == scalar {
			return of.class.whole(), nil // an element of the list that a loop runs over, or a value
		}
		return nil, w.outside(RuleType, expression)
	case ast.CallKind:
		return w.termOfCall(expression)
	default:
		return nil, w.outside(RuleForm, expression)
	}
}

func (w *walk) termOfCall(expression ast.Expr) (*class, error) {
	call := expression.AsCall()
	switch call.FunctionName() {
	case operators.Conditional:
		if err := w.boolean(call.Args()[0]); err != nil {
			return nil, err
		}
		one, err := w.term(call.Args()[1])
		if err != nil {
			return nil, err
		}
		other, err := w.term(call.Args()[2])
		if err != nil {
			return nil, err
		}
		return merge(one, other), nil
	case overloads.TypeConvertTimestamp, overloads.TypeConvertDuration:
		if texts := w.literals(call.Args()[0]); len(texts) == 1 {
			return w.timeConstant(expression, texts[0])
		}
		return nil, w.outside(RuleForm, expression)
	case operators.Multiply:
		if call.Args()[0].Kind() != ast.LiteralKind && call.Args()[1].Kind() != ast.LiteralKind {
			return nil, w.outside(RuleProduct, expression)
		}
		return nil, w.outside(RuleArithmetic, expression)
	case operators.Add, operators.Subtract, operators.Divide, operators.Modulo, operators.Negate:
		return nil, w.outside(RuleArithmetic, expression)
	case overloads.Size:
		return nil, w.outside(RuleSize, expression)
	case operators.Index:
		if !w.isMap(call.Args()[0]) {
			return nil, w.outside(RuleForm, expression)
		}
		of, err := w.read(expression, false)
		if err != nil {
			return nil, err
		}
		if of.kind != scalar {
			return nil, w.outside(RuleType, expression)
		}
		return of.class.whole(), nil
	default:
		return nil, w.outside(ruleOfCall(call), expression)
	}
}

// timeConstant is the class of `timestamp("…")` or `duration("…")`.
func (w *walk) timeConstant(expression ast.Expr, text string) (*class, error) {
	if expression.AsCall().FunctionName() == overloads.TypeConvertTimestamp {
		return w.constant(expression, types.String(text).ConvertToType(types.TimestampType))
	}
	return w.constant(expression, types.String(text).ConvertToType(types.DurationType))
}

// constant is the class of a constant.
func (w *walk) constant(expression ast.Expr, value ref.Val) (*class, error) {
	var made *class
	switch value := value.(type) {
	case types.String:
		made = newClass(ofString)
		made.add(string(value))
	case types.Bool:
		return newClass(ofBool), nil
	case types.Int:
		made = newClass(ofInt)
		made.add(big.NewInt(int64(value)))
	case types.Uint:
		made = newClass(ofUint)
		made.add(new(big.Int).SetUint64(uint64(value)))
	case types.Timestamp:
		made = newClass(ofTime)
		made.add(nanoseconds(value.Time))
	case types.Duration:
		made = newClass(ofDuration)
		made.add(big.NewInt(int64(value.Duration)))
	default:
		return nil, w.outside(RuleType, expression)
	}
	return made, nil
}

// nanoseconds is a time as a class has it.
func nanoseconds(at time.Time) *big.Int {
	of := new(big.Int).Mul(big.NewInt(at.Unix()), big.NewInt(int64(time.Second)))
	return of.Add(of, big.NewInt(int64(at.Nanosecond())))
}

// moment is nanoseconds the other way round.
func moment(of *big.Int) time.Time {
	seconds, rest := new(big.Int).DivMod(of, big.NewInt(int64(time.Second)), new(big.Int))
	return time.Unix(seconds.Int64(), rest.Int64()).UTC()
}
