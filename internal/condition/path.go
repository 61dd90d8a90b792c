package condition

import (
	"strings"

	"cel.dev/cel-go/common/ast"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A Path is a chain of fields from a message down to what is read: from the request, but
// for paths into the principal's claims and into the subject. All but the last are messages.
type Path []protoreflect.FieldDescriptor

// String returns the path as CEL writes it: "request.owner.id".
func (p Path) String() string { return p.below("request") }

// below returns the path as CEL writes it from a root: "principal.claims.home.role".
func (p Path) below(root string) string {
	names := make([]string, 0, len(p)+1)
	names = append(names, root)
	for _, field := range p {
		names = append(names, string(field.Name()))
	}
	return strings.Join(names, ".")
}

func (p Path) leaf() protoreflect.FieldDescriptor { return p[len(p)-1] }

// above returns what reaches the message that the last field of the path is read of.
// ok is false where a message on the way is not set.
func (p Path) above() func(protoreflect.Message) (message protoreflect.Message, ok bool) {
	way := p[:len(p)-1]
	return func(request protoreflect.Message) (protoreflect.Message, bool) {
		for _, field := range way {
			if !request.Has(field) {
				return nil, false
			}
			request = request.Get(field).Message()
		}
		return request, true
	}
}

// reach is above, and ok is also false where the last field is absent.
func (p Path) reach() func(protoreflect.Message) (message protoreflect.Message, ok bool) {
	above, leaf := p.above(), p.leaf()
	if !mayBeAbsent(leaf) {
		return above
	}
	return func(request protoreflect.Message) (protoreflect.Message, bool) {
		message, ok := above(request)
		return message, ok && message.Has(leaf)
	}
}

// missing returns the part of the path that leads to what is not set in a request, and
// nil where the request has a value for all of it.
func (p Path) missing(request protoreflect.Message) Path {
	for i, field := range p {
		switch {
		case mayBeAbsent(field) && !request.Has(field):
			return p[:i+1]
		case i < len(p)-1:
			request = request.Get(field).Message()
		}
	}
	return nil
}

// Find returns what the path leads to in a message. ok is false where it is not set, or a
// message on the way is not, and where the message has no such fields.
func (p Path) Find(message protoreflect.Message) (value protoreflect.Value, ok bool) {
	path, ok := p.of(message.Descriptor())
	if !ok || path.missing(message) != nil {
		return protoreflect.Value{}, false
	}
	for _, field := range path[:len(path)-1] {
		message = message.Get(field).Message()
	}
	return message.Get(path.leaf()), true
}

// of is the path in another descriptor of the same message. ok is false where that does
// not have it.
func (p Path) of(message protoreflect.MessageDescriptor) (path Path, ok bool) {
	if p[0].ContainingMessage() == message {
		return p, true
	}
	path = make(Path, len(p))
	for i, field := range p {
		if i > 0 {
			if !hasFields(path[i-1]) {
				return nil, false
			}
			message = path[i-1].Message()
		}
		if path[i] = message.Fields().ByName(field.Name()); path[i] == nil {
			return nil, false
		}
	}
	return path, true
}

// pathOf returns the fields that an expression selects from `request`, one after
// the other. ok is false for any other expression, and where one of the messages on
// the way is one that CEL gives a meaning of its own, such as a Duration.
func pathOf(request protoreflect.MessageDescriptor, expression ast.Expr) (path Path, ok bool) {
	return pathFrom(request, isRequest, expression)
}

// requestName is the name by which conditions read what the caller sends.
const requestName = "request"

func isRequest(expression ast.Expr) bool { return isNamed(expression, requestName) }

func isNamed(expression ast.Expr, name string) bool {
	return expression.Kind() == ast.IdentKind && expression.AsIdent() == name
}

// pathFrom returns the fields that an expression selects from a root. The message is
// nil where there is none.
func pathFrom(root protoreflect.MessageDescriptor, isRoot func(ast.Expr) bool, expression ast.Expr) (path Path, ok bool) {
	if expression.Kind() != ast.SelectKind || root == nil {
		return nil, false
	}
	selected := expression.AsSelect()
	message := root
	if operand := selected.Operand(); !isRoot(operand) {
		path, ok = pathFrom(root, isRoot, operand)
		if !ok {
			return nil, false
		}
		if !hasFields(path.leaf()) {
			return nil, false
		}
		message = path.leaf().Message()
	}
	if isWellKnown(message) {
		return nil, false
	}
	field := message.Fields().ByName(protoreflect.Name(selected.FieldName()))
	if field == nil {
		return nil, false
	}
	return append(path, field), true
}

// isWellKnown reports whether CEL reads a message as something else than its
// fields: wrappers, Struct, Any, Timestamp and the like.
func isWellKnown(message protoreflect.MessageDescriptor) bool {
	return message.FullName().Parent() == "google.protobuf"
}
