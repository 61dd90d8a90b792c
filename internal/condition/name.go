package condition

import (
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// names holds the literals that a value is compared with against what is known: those
// compared with roles, scopes or the scheme of the principal.
func (s *scan) names(left, right ast.Expr, among bool) {
	switch {
	case !among:
		s.hold(s.vocabulary(left), s.literals(right))
		s.hold(s.vocabularyOfElements(left), s.literalsOfElements(right))
	default:
		s.hold(s.vocabulary(left), s.literalsOfElements(right))
		s.hold(s.vocabularyOfElements(right), s.literals(left))
	}
}

// hold refuses the literals that a vocabulary does not have.
func (s *scan) hold(vocabulary string, literals []ast.Expr) {
	known := map[string][]string{"role": s.facts.Roles, "scope": s.facts.Scopes, "scheme": s.facts.Schemes}[vocabulary]
	if known == nil {
		return
	}
	for _, literal := range literals {
		name, ok := stringOf(literal)
		if !ok || slices.Contains(known, name) || vocabulary == "scheme" && name == "" {
			continue
		}
		at, _ := s.table.source.GetOffsetRange(literal.ID())
		s.trap(Trap{Kind: UnknownName, Text: s.table.text(literal), Name: name, Of: vocabulary, Known: known, at: int(at.Start)})
	}
}

// vocabulary returns what a value names: "role", "scope", "scheme", or "".
func (s *scan) vocabulary(expression ast.Expr) string {
	switch expression.Kind() {
	case ast.IdentKind:
		return s.variables[expression.AsIdent()].vocabulary
	case ast.SelectKind:
		if principalField(expression) == "scheme" && !s.isOfVariable(expression) {
			return "scheme"
		}
	case ast.CallKind:
		if call := expression.AsCall(); call.FunctionName() == operators.Index {
			return s.vocabularyOfElements(call.Args()[0])
		}
	default:
	}
	return ""
}

// vocabularyOfElements returns what the elements of a list name.
func (s *scan) vocabularyOfElements(expression ast.Expr) string {
	switch {
	case s.macro(expression) == "filter":
		return s.vocabularyOfElements(expression.AsComprehension().IterRange())
	case s.isOfVariable(expression):
		return ""
	}
	switch principalField(expression) {
	case "roles":
		return "role"
	case "scopes":
		return "scope"
	default:
		return ""
	}
}

// literals returns the literals that a value may be.
func (s *scan) literals(expression ast.Expr) []ast.Expr {
	switch expression.Kind() {
	case ast.LiteralKind:
		return []ast.Expr{expression}
	case ast.IdentKind:
		return s.variables[expression.AsIdent()].literals
	case ast.CallKind:
		if call := expression.AsCall(); call.FunctionName() == operators.Conditional {
			return append(s.literals(call.Args()[1]), s.literals(call.Args()[2])...)
		}
	default:
	}
	return nil
}

// literalsOfElements returns the literals that the elements of a list may be.
func (s *scan) literalsOfElements(expression ast.Expr) []ast.Expr {
	var literals []ast.Expr
	switch expression.Kind() {
	case ast.ListKind:
		for _, element := range expression.AsList().Elements() {
			literals = append(literals, s.literals(element)...)
		}
	case ast.MapKind:
		for _, entry := range expression.AsMap().Entries() {
			literals = append(literals, s.literals(entry.AsMapEntry().Key())...)
		}
	default:
	}
	return literals
}
