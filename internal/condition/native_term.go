package condition

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/authn"
)

// A term is a value in a condition as Go code. ok is false where it is absent.
type term[V comparable] func(principal *authn.Principal, request protoreflect.Message) (value V, ok bool)

// constant is a term that is the same of every input.
func constant[V comparable](value V) term[V] {
	return func(*authn.Principal, protoreflect.Message) (V, bool) { return value, true }
}

// fieldTerm is a term that reads a field of the request.
func fieldTerm[V comparable](path Path, of func(protoreflect.Value) V) term[V] {
	reach, leaf := path.reach(), path.leaf()
	if len(path) == 1 && !mayBeAbsent(leaf) {
		return func(_ *authn.Principal, r protoreflect.Message) (V, bool) { return of(r.Get(leaf)), true }
	}
	return func(_ *authn.Principal, r protoreflect.Message) (value V, ok bool) {
		if r, ok = reach(r); !ok {
			return value, false
		}
		return of(r.Get(leaf)), true
	}
}

// text translates an expression that is a string.
func (t translation) text(expression ast.Expr) term[string] {
	switch expression.Kind() {
	case ast.LiteralKind:
		if value, ok := expression.AsLiteral().(types.String); ok {
			return constant(string(value))
		}
	case ast.SelectKind:
		if expression.AsSelect().IsTestOnly() {
			return nil
		}
		switch principalField(expression) {
		case "id":
			return func(p *authn.Principal, _ protoreflect.Message) (string, bool) { return p.ID(), true }
		case "scheme":
			return func(p *authn.Principal, _ protoreflect.Message) (string, bool) { return p.Scheme(), true }
		}
		path, ok := t.path(expression)
		if !ok || !isSingular(path.leaf()) || path.leaf().Kind() != protoreflect.StringKind {
			return nil
		}
		if leaf := path.leaf(); len(path) == 1 && !mayBeAbsent(leaf) {
			// The most common term of all, without a call through a variable.
			return func(_ *authn.Principal, r protoreflect.Message) (string, bool) { return r.Get(leaf).String(), true }
		}
		return fieldTerm(path, protoreflect.Value.String)
	default:
	}
	return nil
}

// number translates an expression that is a signed integer, as enums are.
func (t translation) number(expression ast.Expr) term[int64] {
	if reference := t.checked.ReferenceMap()[expression.ID()]; reference != nil && reference.Value != nil {
		if value, ok := reference.Value.(types.Int); ok { // an enum's constant
			return constant(int64(value))
		}
	}
	switch expression.Kind() {
	case ast.LiteralKind:
		if value, ok := expression.AsLiteral().(types.Int); ok {
			return constant(int64(value))
		}
	case ast.SelectKind:
		path, ok := t.path(expression)
		if !ok || expression.AsSelect().IsTestOnly() || !isSingular(path.leaf()) {
			return nil
		}
		switch path.leaf().Kind() { //nolint:exhaustive // the others are not signed integers
		case protoreflect.EnumKind:
			return fieldTerm(path, func(v protoreflect.Value) int64 { return int64(v.Enum()) })
		case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind,
			protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
			return fieldTerm(path, protoreflect.Value.Int)
		}
	default:
	}
	return nil
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

// hasFields reports whether a field is one message, which has fields of its own.
func hasFields(field protoreflect.FieldDescriptor) bool {
	return field.Message() != nil && isSingular(field)
}
