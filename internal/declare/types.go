package declare

import (
	"iter"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/condition"
)

// MessageIn is the message that a field, an element of it or a value of it is, or nil.
func MessageIn(field protoreflect.FieldDescriptor) protoreflect.MessageDescriptor {
	if field.IsMap() {
		return field.MapValue().Message()
	}
	return field.Message()
}

// MessagesIn are the messages of a value of a field: those of a list, those of a map in no
// order, or the one. A field that holds none has none.
func MessagesIn(field protoreflect.FieldDescriptor, value protoreflect.Value) iter.Seq[protoreflect.Message] {
	return func(yield func(protoreflect.Message) bool) {
		switch {
		case MessageIn(field) == nil:
		case field.IsMap():
			value.Map().Range(func(_ protoreflect.MapKey, entry protoreflect.Value) bool { return yield(entry.Message()) })
		case field.IsList():
			for i := range value.List().Len() {
				if !yield(value.List().Get(i).Message()) {
					return
				}
			}
		default:
			yield(value.Message())
		}
	}
}

// EachType calls look for a message type and then for all that its fields can hold, each
// once. A field that skip reports is not followed; with nil all are.
func EachType(message protoreflect.MessageDescriptor, look func(protoreflect.MessageDescriptor), skip func(protoreflect.FieldDescriptor) bool) {
	seen := map[protoreflect.MessageDescriptor]bool{}
	var visit func(protoreflect.MessageDescriptor)
	visit = func(of protoreflect.MessageDescriptor) {
		if seen[of] {
			return
		}
		seen[of] = true
		look(of)
		for i := range of.Fields().Len() {
			field := of.Fields().Get(i)
			if within := MessageIn(field); within != nil && (skip == nil || !skip(field)) {
				visit(within)
			}
		}
	}
	visit(message)
}

// A scalarPath finds the field that dotted names such as "request.document.id" lead to,
// through single messages, and refuses what leads to none.
type scalarPath struct {
	// suits reports whether a path can end at a field.
	suits func(protoreflect.FieldDescriptor) bool
	// one says why it is a single field, and kind what the field is.
	one, kind string
	// fix is the fix by another path.
	fix    func(path string) string
	refuse func(fix, format string, args ...any)
}

// find finds the field from a message, which names call root. It returns nil along with a
// refusal.
func (s scalarPath) find(message protoreflect.MessageDescriptor, root string, names []string) condition.Path {
	var path condition.Path
	for i, name := range names {
		field := message.Fields().ByName(protoreflect.Name(name))
		at := root + "." + strings.Join(names[:i+1], ".")
		switch last := i == len(names)-1; {
		case field == nil:
			fix := ""
			if near := nearest(name, fieldNames(message)); near != "" {
				fix = s.fix(strings.Join(slices.Concat([]string{root}, names[:i], []string{near}, names[i+1:]), "."))
			}
			s.refuse(fix, "%s has no field %q%s", message.FullName(), name, didYouMean(name, fieldNames(message)))
			return nil
		case field.IsList() || field.IsMap():
			s.refuse("", "%s is repeated, and %s", at, s.one)
			return nil
		case !last && (field.Message() == nil || field.Message().FullName().Parent() == "google.protobuf"):
			s.refuse("", "%s is no message with a field %q", at, names[i+1])
			return nil
		case last && !s.suits(field):
			s.refuse("", "%s is a %s, and %s", at, kindOf(field), s.kind)
			return nil
		default:
			path, message = append(path, field), field.Message()
		}
	}
	return path
}
