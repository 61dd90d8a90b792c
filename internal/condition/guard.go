package condition

import (
	"maps"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/traits"
)

// A guard is what one part of a condition makes sure of for another part, such as
// `request.id != ”` in `request.id != ” && request.id == principal.claims.org_id`.
type guard uint8

const (
	// set: the value is set, and may be empty where its field has presence.
	set guard = iota + 1
	// filled: the value is not empty.
	filled
)

// guarded visits an expression with what holds around it where others are true or, so
// asked, false.
func (s *scan) guarded(expression ast.Expr, truth bool, others ...ast.Expr) {
	before := s.guards
	s.guards = maps.Clone(before)
	if s.guards == nil {
		s.guards = map[string]guard{}
	}
	for _, other := range others {
		s.guard(other, truth)
	}
	s.visit(expression)
	s.guards = before
}

// sure notes that an expression is not empty.
func (s *scan) sure(expression ast.Expr) { s.guards[s.table.text(expression)] = filled }

// guard notes what is made sure of where an expression is true or, so asked, false.
func (s *scan) guard(expression ast.Expr, truth bool) {
	switch expression.Kind() {
	case ast.SelectKind:
		if expression.AsSelect().IsTestOnly() && truth {
			s.guardSet(expression)
		}
	case ast.ComprehensionKind:
		if s.macro(expression) == "exists" && truth {
			s.sure(expression.AsComprehension().IterRange())
		}
	case ast.CallKind:
		s.guardCall(expression.AsCall(), truth)
	default:
	}
}

// guardSet notes what `has()` makes sure of. Of a field without presence it is that
// the field is not empty.
func (s *scan) guardSet(expression ast.Expr) {
	of := set
	path, ok := s.path(expression)
	if !ok && !s.isOfVariable(expression) {
		path, ok = pathFrom(s.claims, isClaims, expression)
		if !ok {
			path, ok = s.subjectPath(expression)
		}
	}
	if ok && !path.leaf().HasPresence() {
		of = filled
	}
	operand := s.table.text(expression.AsSelect().Operand()) + "." + expression.AsSelect().FieldName()
	s.guards[operand] = max(s.guards[operand], of)
}

func (s *scan) guardCall(call ast.CallExpr, truth bool) {
	operands := operandsOf(call)
	switch name := call.FunctionName(); name {
	case operators.LogicalNot:
		s.guard(operands[0], !truth)
	case operators.LogicalAnd, operators.LogicalOr:
		if truth == (name == operators.LogicalAnd) {
			s.guard(operands[0], truth)
			s.guard(operands[1], truth)
		}
	case operators.In:
		if of := s.elementEmptiness(operands[1]); truth && !of.maybe {
			s.sure(operands[0])
		}
	case overloads.StartsWith, overloads.EndsWith, overloads.Contains:
		if part, ok := stringOf(operands[1]); ok && part != "" && truth {
			s.sure(operands[0])
		}
	case operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		for i, operand := range operands {
			s.guardComparison(name, operand, operands[1-i], i == 1, truth)
		}
	}
}

// guardComparison notes what a comparison with a literal makes sure of: that the value
// is another than the empty one, of which it would have said otherwise.
func (s *scan) guardComparison(function string, subject, literal ast.Expr, turned, truth bool) {
	if subject.AsCall().FunctionName() == overloads.Size {
		subject = operandsOf(subject.AsCall())[0]
	}
	var number int64
	switch {
	case literal.Kind() == ast.LiteralKind:
		if value, ok := literal.AsLiteral().(types.Int); ok {
			number = int64(value)
			break
		}
		zero, ok := literal.AsLiteral().(traits.Zeroer)
		if !ok || function != operators.Equals && function != operators.NotEquals {
			return
		}
		if !zero.IsZeroValue() {
			number = 1
		}
	case literal.Kind() == ast.ListKind:
		number = int64(len(literal.AsList().Elements()))
	default:
		return
	}
	if ofEmpty, ok := compareSize(function, 0, number, turned); ok && ofEmpty != truth {
		s.sure(subject)
	}
}
