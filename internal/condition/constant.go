package condition

import (
	"context"
	"errors"
	"maps"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// failingConstant returns a fault where a part of an expression reads nothing and its
// evaluation fails, such as `int('x')`, `1 / 0` or `[][0]`. Where such a part decides, the
// condition is absent for every caller; where it does not, it hides what was meant.
func failingConstant(env *cel.Env, text string, checked *ast.AST) *SyntaxError {
	search := constantSearch{env: env, source: text, checked: checked}
	search.visit(checked.Expr())
	return search.found
}

// A constantSearch looks for the first constant part whose evaluation fails.
type constantSearch struct {
	env     *cel.Env
	source  string // the whole expression
	checked *ast.AST
	found   *SyntaxError
}

// visit looks at an expression and then at its parts.
func (c *constantSearch) visit(expression ast.Expr) {
	if c.isConstant(expression, nil) {
		c.evaluate(expression)
	}
	c.lookAtDivision(expression)
	if expression.Kind() == ast.ComprehensionKind {
		// The other parts are how the macro is carried out.
		loop := expression.AsComprehension()
		c.visit(loop.IterRange())
		c.visit(loop.LoopStep())
		return
	}
	for _, part := range parts(expression) {
		c.visit(part)
	}
}

// parts returns what an expression that is no comprehension is made of.
func parts(expression ast.Expr) []ast.Expr {
	switch expression.Kind() {
	case ast.SelectKind:
		return []ast.Expr{expression.AsSelect().Operand()}
	case ast.CallKind:
		return operandsOf(expression.AsCall())
	case ast.ListKind:
		return expression.AsList().Elements()
	case ast.MapKind:
		var of []ast.Expr
		for _, entry := range expression.AsMap().Entries() {
			of = append(of, entry.AsMapEntry().Key(), entry.AsMapEntry().Value())
		}
		return of
	case ast.StructKind:
		var of []ast.Expr
		for _, field := range expression.AsStruct().Fields() {
			of = append(of, field.AsStructField().Value())
		}
		return of
	default:
		return nil
	}
}

// isConstant reports whether an expression reads nothing but the given variables.
func (c *constantSearch) isConstant(expression ast.Expr, variables map[string]bool) bool {
	if reference := c.checked.ReferenceMap()[expression.ID()]; reference != nil && reference.Value != nil {
		return true // the value of an enum
	}
	switch expression.Kind() {
	case ast.IdentKind:
		return variables[expression.AsIdent()]
	case ast.ComprehensionKind:
		loop := expression.AsComprehension()
		if !c.isConstant(loop.IterRange(), variables) {
			return false
		}
		inner := maps.Clone(variables)
		if inner == nil {
			inner = map[string]bool{}
		}
		inner[loop.IterVar()], inner[loop.AccuVar()] = true, true
		for _, part := range []ast.Expr{loop.AccuInit(), loop.LoopCondition(), loop.LoopStep(), loop.Result()} {
			if !c.isConstant(part, inner) {
				return false
			}
		}
		return true
	default:
	}
	for _, part := range parts(expression) {
		if !c.isConstant(part, variables) {
			return false
		}
	}
	return true
}

// value evaluates a part that reads nothing.
func (c *constantSearch) value(constant ast.Expr) (ref.Val, *ast.AST, error) {
	return c.valueOf(constant, cel.NoVars())
}

// valueOf evaluates a part. What the variables do not have is absent.
func (c *constantSearch) valueOf(constant ast.Expr, variables cel.Activation) (ref.Val, *ast.AST, error) {
	alone := ast.NewCheckedAST(ast.NewAST(constant, c.checked.SourceInfo()), c.checked.TypeMap(), c.checked.ReferenceMap())
	program, err := c.env.PlanProgram(alone, cel.CostLimit(costLimit), cel.InterruptCheckFrequency(interruptEvery))
	if err != nil {
		return nil, alone, err
	}
	value, _, err := program.ContextEval(context.Background(), variables)
	return value, alone, err
}

// text returns the value of an expression that reads nothing and is a text.
func (c *constantSearch) text(expression ast.Expr) (string, bool) {
	if !c.isConstant(expression, nil) {
		return "", false
	}
	value, _, _ := c.value(expression)
	text, ok := value.(types.String)
	return string(text), ok
}

// evaluate notes a constant whose evaluation fails.
func (c *constantSearch) evaluate(constant ast.Expr) {
	if constant.Kind() == ast.LiteralKind {
		return
	}
	_, alone, err := c.value(constant)
	if err == nil {
		return
	}
	failed, ok := errors.AsType[*types.Err](err)
	if !ok {
		c.fail(constant, err.Error())
		return
	}
	part := constant
	found := ast.MatchDescendants(ast.NavigateExpr(alone, constant), func(node ast.NavigableExpr) bool { return node.ID() == failed.NodeID() })
	if len(found) > 0 {
		part = found[0]
	}
	c.fail(part, failed.Error())
}

// lookAtDivision notes a division by a zero that is written.
func (c *constantSearch) lookAtDivision(expression ast.Expr) {
	switch call := expression.AsCall(); call.FunctionName() {
	case operators.Divide, operators.Modulo:
		if value := call.Args()[1].AsLiteral(); value == types.IntZero || value == types.Uint(0) {
			c.fail(expression, "division by zero")
		}
	}
}

// fail notes a fault, unless there is one already: what it is a part of has no value for
// the same reason.
func (c *constantSearch) fail(part ast.Expr, problem string) {
	if c.found != nil {
		return
	}
	at := c.checked.SourceInfo().GetStartLocation(part.ID())
	c.found = &SyntaxError{
		Expression: c.source,
		Line:       max(at.Line(), 1),
		Column:     max(at.Column()+1, 1),
		Problem:    printable("`" + atomTable{source: c.checked.SourceInfo()}.text(part) + "` has no value: " + problem),
	}
}
