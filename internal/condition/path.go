package condition

import (
	"strings"

	"cel.dev/cel-go/common/ast"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A Path is a chain of fields from a request message down to what is read. All but
// the last are messages.
type Path []protoreflect.FieldDescriptor

// String returns the path as CEL writes it: "request.owner.id".
func (p Path) String() string {
	names := make([]string, 0, len(p)+1)
	names = append(names, "request")
	for _, field := range p {
		names = append(names, string(field.Name()))
	}
	return strings.Join(names, ".")
}

func (p Path) leaf() protoreflect.FieldDescriptor { return p[len(p)-1] }

// get reads what the path leads to. Where a message on the way is not set it reads
// the default of its field, as CEL does.
func (p Path) get(request protoreflect.Message) protoreflect.Value {
	for _, field := range p[:len(p)-1] {
		request = request.Get(field).Message()
	}
	return request.Get(p.leaf())
}

// has reports whether what the path leads to is set, as `has()` does.
func (p Path) has(request protoreflect.Message) bool {
	for _, field := range p[:len(p)-1] {
		request = request.Get(field).Message()
	}
	return request.Has(p.leaf())
}

// pathOf returns the fields that an expression selects from `request`, one after
// the other. ok is false for any other expression, and where one of the messages on
// the way is one that CEL gives a meaning of its own, such as a Duration.
func pathOf(request protoreflect.MessageDescriptor, expression ast.Expr) (path Path, ok bool) {
	if expression.Kind() != ast.SelectKind {
		return nil, false
	}
	selected := expression.AsSelect()
	message := request
	if operand := selected.Operand(); operand.Kind() != ast.IdentKind || operand.AsIdent() != "request" {
		path, ok = pathOf(request, operand)
		if !ok {
			return nil, false
		}
		message = path.leaf().Message()
		if message == nil || path.leaf().IsList() || path.leaf().IsMap() {
			return nil, false
		}
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
