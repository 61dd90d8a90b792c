package field

import (
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/authn"
)

// A tree is a message as plain values: what this package does, done in another and slower
// way, on something that is no message.
type tree struct {
	of      protoreflect.MessageDescriptor
	fields  map[string]any // a tree, a []any, a map[any]any, or a value
	unknown string
}

func treeOf(message protoreflect.Message) *tree {
	made := &tree{of: message.Descriptor(), fields: map[string]any{}, unknown: string(message.GetUnknown())}
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		name := string(field.Name())
		if field.IsExtension() {
			name = "[" + string(field.FullName()) + "]"
		}
		one := func(of protoreflect.FieldDescriptor, value protoreflect.Value) any {
			if of.Message() != nil {
				return treeOf(value.Message())
			}
			return value.String()
		}
		switch {
		case field.IsMap():
			entries := map[any]any{}
			value.Map().Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
				entries[key.String()] = one(field.MapValue(), value)
				return true
			})
			made.fields[name] = entries
		case field.IsList():
			elements := []any{}
			for i := range value.List().Len() {
				elements = append(elements, one(field, value.List().Get(i)))
			}
			made.fields[name] = elements
		default:
			made.fields[name] = one(field, value)
		}
		return true
	})
	return made
}

// A says is what a rule says of a principal and of the message that holds the field.
type says func(principal *authn.Principal, this *tree) bool

// A reference clears trees by what is said of fields, by their full names.
type reference map[protoreflect.FullName]says

// clear returns the tree without what the principal may not read.
func (r reference) clear(principal *authn.Principal, of *tree) *tree {
	cleared := &tree{of: of.of, fields: map[string]any{}, unknown: of.unknown}
	if r.reaches(of.of, map[protoreflect.FullName]bool{}) {
		cleared.unknown = ""
	}
	for name, value := range of.fields {
		if allows, guarded := r[of.of.FullName().Append(protoreflect.Name(name))]; guarded && !allows(principal, of) {
			continue
		}
		cleared.fields[name] = r.value(principal, value)
	}
	return cleared
}

func (r reference) value(principal *authn.Principal, value any) any {
	switch value := value.(type) {
	case *tree:
		return r.clear(principal, value)
	case []any:
		elements := []any{}
		for _, element := range value {
			elements = append(elements, r.value(principal, element))
		}
		return elements
	case map[any]any:
		entries := map[any]any{}
		for key, entry := range value {
			entries[key] = r.value(principal, entry)
		}
		return entries
	default:
		return value
	}
}

// reaches reports whether a message of a type can have a guarded field, at any depth.
func (r reference) reaches(of protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) bool {
	if seen[of.FullName()] {
		return false
	}
	seen[of.FullName()] = true
	for i := range of.Fields().Len() {
		field := of.Fields().Get(i)
		if _, guarded := r[field.FullName()]; guarded {
			return true
		}
		within := field.Message()
		if field.IsMap() {
			within = field.MapValue().Message()
		}
		if within != nil && r.reaches(within, seen) {
			return true
		}
	}
	return false
}

// agree holds what is cleared of a message against the reference, and that the message is
// as it was.
func (r reference) agree(t *testing.T, rules *Rules, principal *authn.Principal, message proto.Message) {
	t.Helper()
	before := treeOf(message.ProtoReflect())
	got, _ := rules.Clear(t.Context(), Reader{Principal: principal}, message)
	if want, got := r.clear(principal, before), treeOf(got.ProtoReflect()); !reflect.DeepEqual(want, got) {
		t.Fatalf("for %s of %v\n%v\nleaves\n%v\nwant\n%v", principal.ID(), principal.Roles(), message, show(got), show(want))
	}
	if after := treeOf(message.ProtoReflect()); !reflect.DeepEqual(before, after) {
		t.Fatalf("the message itself was changed: %v", message)
	}
}

func show(value any) any {
	switch value := value.(type) {
	case *tree:
		shown := map[string]any{}
		for name, field := range value.fields {
			shown[name] = show(field)
		}
		shown["@unknown"] = value.unknown
		return shown
	case []any:
		shown := []any{}
		for _, element := range value {
			shown = append(shown, show(element))
		}
		return shown
	case map[any]any:
		shown := map[any]any{}
		for key, entry := range value {
			shown[key] = show(entry)
		}
		return shown
	default:
		return value
	}
}
