package condition

import (
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/traits"
)

// An emptiness says whether a value may be empty: "", 0, or without elements. What is
// absent is not empty: it is equal to nothing.
type emptiness struct {
	maybe bool
	// constant is set of a value that is written in the condition.
	constant bool
	// paths lead to the fields of the request that make it so.
	paths []Path
}

func either(one, other emptiness) emptiness {
	if !one.maybe && !other.maybe {
		return emptiness{}
	}
	return emptiness{
		maybe: true, constant: (one.constant || !one.maybe) && (other.constant || !other.maybe),
		paths: append(slices.Clone(one.paths), other.paths...),
	}
}

// emptiness returns whether the value of an expression may be empty.
func (s *scan) emptiness(expression ast.Expr) emptiness {
	of := s.types[expression.ID()]
	switch of.Kind() {
	case types.BoolKind, types.TimestampKind, types.DurationKind, types.StructKind:
		return emptiness{}
	default:
	}
	switch {
	case s.guards[s.table.text(expression)] == filled:
		return emptiness{}
	case expression.Kind() == ast.IdentKind:
		if variable, ok := s.variables[expression.AsIdent()]; ok {
			return variable.element
		}
	case expression.Kind() == ast.LiteralKind:
		zero, ok := expression.AsLiteral().(traits.Zeroer)
		return emptiness{maybe: !ok || zero.IsZeroValue(), constant: true}
	case expression.Kind() == ast.ListKind:
		return emptiness{maybe: len(expression.AsList().Elements()) == 0, constant: true}
	case expression.Kind() == ast.MapKind:
		return emptiness{maybe: len(expression.AsMap().Entries()) == 0, constant: true}
	case expression.Kind() == ast.SelectKind:
		return s.fieldEmptiness(expression, false)
	case expression.Kind() == ast.CallKind:
		return s.callEmptiness(expression)
	}
	return s.unknownEmptiness(expression)
}

// elementEmptiness returns whether an element of a list, or a key of a map, may be
// empty.
func (s *scan) elementEmptiness(list ast.Expr) emptiness {
	switch {
	case list.Kind() == ast.ListKind:
		var of emptiness
		for _, element := range list.AsList().Elements() {
			of = either(of, s.emptiness(element))
		}
		return of
	case s.macro(list) == "filter":
		return s.elementEmptiness(list.AsComprehension().IterRange())
	case list.Kind() == ast.SelectKind:
		return s.fieldEmptiness(list, true)
	default:
		return s.unknownEmptiness(list)
	}
}

// fieldEmptiness returns whether a field, or an element of one, may be empty.
func (s *scan) fieldEmptiness(expression ast.Expr, element bool) emptiness {
	if !s.isOfVariable(expression) {
		switch principalField(expression) {
		case "id", "scheme":
			return emptiness{}
		case "roles", "scopes":
			return emptiness{maybe: !element}
		}
		if path, ok := pathFrom(s.claims, isClaims, expression); ok {
			// Where no claims were given, what has no presence is empty, and its rules did not
			// run. What is read through a message is absent there.
			always := len(path) == 1 && !element && !path.leaf().HasPresence()
			return emptiness{maybe: always || s.facts.ClaimMayBeEmpty == nil || s.facts.ClaimMayBeEmpty(path, element)}
		}
	}
	path, ok := s.path(expression)
	switch {
	case !ok:
		return s.unknownEmptiness(expression)
	case s.facts.MayBeEmpty == nil || s.facts.MayBeEmpty(path, element):
		return emptiness{maybe: true, paths: []Path{path}}
	default:
		return emptiness{}
	}
}

func (s *scan) callEmptiness(expression ast.Expr) emptiness {
	operands := operandsOf(expression.AsCall())
	switch expression.AsCall().FunctionName() {
	case operators.Conditional:
		return either(s.emptiness(operands[1]), s.emptiness(operands[2]))
	case overloads.Size:
		return s.emptiness(operands[0])
	case operators.Add:
		if kind := s.types[expression.ID()].Kind(); kind != types.StringKind && kind != types.BytesKind && kind != types.ListKind {
			break
		}
		one, other := s.emptiness(operands[0]), s.emptiness(operands[1])
		if !one.maybe || !other.maybe {
			return emptiness{}
		}
		return either(one, other)
	case overloads.TypeConvertString:
		if kind := s.types[operands[0].ID()].Kind(); kind == types.StringKind || kind == types.BytesKind {
			return s.emptiness(operands[0])
		}
		return emptiness{}
	case operators.Index:
		if s.types[operands[0].ID()].Kind() == types.ListKind {
			return s.elementEmptiness(operands[0])
		}
	}
	return s.unknownEmptiness(expression)
}

// unknownEmptiness is that of a value of which nothing more is known than what it
// reads.
func (s *scan) unknownEmptiness(expression ast.Expr) emptiness {
	what := s.read(expression)
	return emptiness{maybe: true, constant: what == whatIsRead{}}
}

// isClaims reports whether an expression is `principal.claims`.
func isClaims(expression ast.Expr) bool { return principalField(expression) == "claims" }
