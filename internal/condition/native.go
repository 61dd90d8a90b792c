package condition

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/authn"
)

// A predicate is a condition as Go code. It cannot fail: what could, is left to
// CEL.
type predicate func(principal *authn.Principal, request protoreflect.Message) answer

// An answer is what a predicate says of an input. Its zero value is no.
type answer uint8

const (
	no answer = iota
	yes
	// askCEL: a value is so long that CEL could run over its cost limit, which must
	// then decide.
	askCEL
)

func answerOf(holds bool) answer {
	if holds {
		return yes
	}
	return no
}

// A term is a value in a condition as Go code.
type term[V comparable] func(principal *authn.Principal, request protoreflect.Message) V

// native turns the common conditions into Go code: equality of fields of the
// principal and the request, membership in lists, has(), and and, or, not over
// those. It returns nil for any other, which CEL evaluates.
//
// It must say of every input what CEL says, its cost limit included; a test holds
// the two against each other.
func native(checked *ast.AST, request protoreflect.MessageDescriptor) predicate {
	return translation{checked, request, costLimit / 2 / max(1, len(checked.TypeMap()))}.predicate(checked.Expr())
}

// A translation is of one expression.
type translation struct {
	checked *ast.AST
	request protoreflect.MessageDescriptor
	// longest is how many elements or bytes a value may have that the predicate looks
	// through: so many that CEL, were it to do the same in every part of the
	// expression, would stay within half of its cost limit.
	longest int
}

func (t translation) predicate(expression ast.Expr) predicate {
	switch expression.Kind() {
	case ast.LiteralKind:
		if value, ok := expression.AsLiteral().(types.Bool); ok {
			return func(*authn.Principal, protoreflect.Message) answer { return answerOf(bool(value)) }
		}
	case ast.SelectKind:
		return t.selection(expression)
	case ast.CallKind:
		return t.call(expression.AsCall())
	default:
	}
	return nil
}

// selection translates has() and a field that is true or false.
func (t translation) selection(expression ast.Expr) predicate {
	path, ok := pathOf(t.request, expression)
	switch {
	case !ok:
		return nil
	case expression.AsSelect().IsTestOnly():
		return func(_ *authn.Principal, request protoreflect.Message) answer { return answerOf(path.has(request)) }
	case isSingular(path.leaf()) && path.leaf().Kind() == protoreflect.BoolKind:
		return func(_ *authn.Principal, request protoreflect.Message) answer {
			return answerOf(path.get(request).Bool())
		}
	default:
		return nil
	}
}

func (t translation) call(call ast.CallExpr) predicate {
	arguments := call.Args()
	switch call.FunctionName() {
	case operators.LogicalAnd:
		return inTurn(t.predicate(arguments[0]), t.predicate(arguments[1]), yes)
	case operators.LogicalOr:
		return inTurn(t.predicate(arguments[0]), t.predicate(arguments[1]), no)
	case operators.LogicalNot:
		return not(t.predicate(arguments[0]))
	case operators.Equals:
		return t.equality(arguments[0], arguments[1])
	case operators.NotEquals:
		return not(t.equality(arguments[0], arguments[1]))
	case operators.In:
		return t.membership(arguments[0], arguments[1])
	default:
	}
	return nil
}

// inTurn asks left, and right where left leaves it open: after yes for `and`, after
// no for `or`.
func inTurn(left, right predicate, open answer) predicate {
	if left == nil || right == nil {
		return nil
	}
	return func(p *authn.Principal, r protoreflect.Message) answer {
		if said := left(p, r); said != open {
			return said
		}
		return right(p, r)
	}
}

func not(of predicate) predicate {
	if of == nil {
		return nil
	}
	return func(p *authn.Principal, r protoreflect.Message) answer {
		switch of(p, r) {
		case no:
			return yes
		case yes:
			return no
		default:
			return askCEL
		}
	}
}

// equality translates the equality of two values of one type.
func (t translation) equality(left, right ast.Expr) predicate {
	if a, b := t.text(left), t.text(right); a != nil && b != nil {
		longest := t.longest
		return func(p *authn.Principal, r protoreflect.Message) answer {
			one, other := a(p, r), b(p, r)
			if len(one) > longest && len(other) > longest {
				return askCEL
			}
			return answerOf(one == other)
		}
	}
	if a, b := t.number(left), t.number(right); a != nil && b != nil {
		return func(p *authn.Principal, r protoreflect.Message) answer { return answerOf(a(p, r) == b(p, r)) }
	}
	if a, b := t.predicate(left), t.predicate(right); a != nil && b != nil {
		return func(p *authn.Principal, r protoreflect.Message) answer {
			one, other := a(p, r), b(p, r)
			if one == askCEL || other == askCEL {
				return askCEL
			}
			return answerOf(one == other)
		}
	}
	return nil
}

// text translates an expression that is a string.
func (t translation) text(expression ast.Expr) term[string] {
	switch expression.Kind() {
	case ast.LiteralKind:
		if value, ok := expression.AsLiteral().(types.String); ok {
			return func(*authn.Principal, protoreflect.Message) string { return string(value) }
		}
	case ast.SelectKind:
		if expression.AsSelect().IsTestOnly() {
			return nil
		}
		switch principalField(expression) {
		case "id":
			return func(p *authn.Principal, _ protoreflect.Message) string { return p.ID() }
		case "scheme":
			return func(p *authn.Principal, _ protoreflect.Message) string { return p.Scheme() }
		}
		path, ok := pathOf(t.request, expression)
		if ok && isSingular(path.leaf()) && path.leaf().Kind() == protoreflect.StringKind {
			return func(_ *authn.Principal, r protoreflect.Message) string { return path.get(r).String() }
		}
	default:
	}
	return nil
}

// number translates an expression that is a signed integer, as enums are.
func (t translation) number(expression ast.Expr) term[int64] {
	if reference := t.checked.ReferenceMap()[expression.ID()]; reference != nil && reference.Value != nil {
		if value, ok := reference.Value.(types.Int); ok { // an enum's constant
			return func(*authn.Principal, protoreflect.Message) int64 { return int64(value) }
		}
	}
	switch expression.Kind() {
	case ast.LiteralKind:
		if value, ok := expression.AsLiteral().(types.Int); ok {
			return func(*authn.Principal, protoreflect.Message) int64 { return int64(value) }
		}
	case ast.SelectKind:
		path, ok := pathOf(t.request, expression)
		if !ok || expression.AsSelect().IsTestOnly() || !isSingular(path.leaf()) {
			return nil
		}
		switch path.leaf().Kind() { //nolint:exhaustive // the others are not signed integers
		case protoreflect.EnumKind:
			return func(_ *authn.Principal, r protoreflect.Message) int64 { return int64(path.get(r).Enum()) }
		case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind,
			protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
			return func(_ *authn.Principal, r protoreflect.Message) int64 { return path.get(r).Int() }
		}
	default:
	}
	return nil
}

// membership translates `x in list` for strings.
func (t translation) membership(element, list ast.Expr) predicate {
	wanted := t.text(element)
	if wanted == nil {
		return nil
	}
	switch list.Kind() {
	case ast.ListKind:
		var terms []term[string]
		for _, expression := range list.AsList().Elements() {
			text := t.text(expression)
			if text == nil {
				return nil
			}
			terms = append(terms, text)
		}
		return func(p *authn.Principal, r protoreflect.Message) answer {
			sought := wanted(p, r)
			for _, text := range terms {
				if text(p, r) == sought {
					return yes
				}
			}
			return no
		}
	case ast.SelectKind:
		return t.membershipOf(wanted, list)
	default:
		return nil
	}
}

// membershipOf translates membership in a list that is a field.
func (t translation) membershipOf(wanted term[string], list ast.Expr) predicate {
	if list.AsSelect().IsTestOnly() {
		return nil
	}
	switch principalField(list) {
	case "roles":
		return func(p *authn.Principal, r protoreflect.Message) answer { return answerOf(p.CarriesRole(wanted(p, r))) }
	case "scopes":
		return func(p *authn.Principal, r protoreflect.Message) answer { return answerOf(p.CarriesScope(wanted(p, r))) }
	}
	longest := t.longest
	path, ok := pathOf(t.request, list)
	if !ok || !path.leaf().IsList() || path.leaf().Kind() != protoreflect.StringKind {
		return nil
	}
	return func(p *authn.Principal, r protoreflect.Message) answer {
		sought, values := wanted(p, r), path.get(r).List()
		if values.Len() > longest {
			return askCEL
		}
		for i := range values.Len() {
			if values.Get(i).String() == sought {
				return yes
			}
		}
		return no
	}
}

// principalField returns the name of the field that an expression selects from
// `principal`, or "".
func principalField(expression ast.Expr) string {
	if expression.Kind() != ast.SelectKind {
		return ""
	}
	selected := expression.AsSelect()
	if operand := selected.Operand(); operand.Kind() != ast.IdentKind || operand.AsIdent() != "principal" {
		return ""
	}
	return selected.FieldName()
}

func isSingular(field protoreflect.FieldDescriptor) bool { return !field.IsList() && !field.IsMap() }
