package declare

import (
	"errors"
	"fmt"
	"slices"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sallyport-rpc/sallyport/internal/condition"
)

// readIdentities refuses a condition that compares the principal's id with
// something of the request that may be empty: what is empty belongs to nobody, and
// must not pass for somebody's id.
func (m *methodReading) readIdentities(path string, expression *condition.Expression) {
	for _, identity := range expression.Identities() {
		if identity.Path == nil {
			m.refuseWithFixf(RuleCELIdentity, "compare `principal.id` with a field of the request that a validation rule keeps from being empty",
				"%s.cel compares `principal.id` with `%s`, and nothing keeps that from being empty", path, identity.Text)
			continue
		}
		if field := m.mayBeEmpty(identity.Path); field != nil {
			m.refuseWithFixf(RuleCELIdentity, neverEmpty(field),
				"%s.cel compares `principal.id` with `%s`, and no validation rule keeps `%s` from being empty",
				path, identity.Text, field.Name())
		}
	}
}

// neverEmpty is the field with a rule that keeps it from being empty.
func neverEmpty(field protoreflect.FieldDescriptor) string {
	kind, rule := "string", "(buf.validate.field).string.min_len = 1"
	if field.Message() != nil {
		kind, rule = string(field.Message().Name()), "(buf.validate.field).required = true"
	}
	switch {
	case field.IsMap():
		return fmt.Sprintf("%s = %d [(buf.validate.field).map.keys.string.min_len = 1];", field.Name(), field.Number())
	case field.IsList():
		kind, rule = "repeated "+kind, "(buf.validate.field).repeated.items.string.min_len = 1"
	case field.HasPresence() && field.Message() == nil:
		kind, rule = "optional string", "(buf.validate.field).required = true, "+rule
	}
	return fmt.Sprintf("%s %s = %d [%s];", kind, field.Name(), field.Number(), rule)
}

// mayBeEmpty returns the first field on a path that the validation rules of the
// request let be empty, and nil where they let none. It asks the rules themselves,
// with a request in which the field is empty.
func (m *methodReading) mayBeEmpty(path condition.Path) protoreflect.FieldDescriptor {
	for i, field := range path {
		leaf := i == len(path)-1
		// An empty list has no element that could be equal to anything.
		if !field.IsList() && !field.IsMap() && !isWrapper(field) && !m.refusesEmpty(path[:i+1], false) {
			return field
		}
		if leaf && (field.HasPresence() || field.IsList() || field.IsMap()) && !m.refusesEmpty(path, true) {
			return field
		}
	}
	return nil
}

// refusesEmpty reports whether the rules refuse a request in which the last field
// of a path is not set or, if so asked, set to what is empty.
func (m *methodReading) refusesEmpty(path condition.Path, set bool) bool {
	validator, err := m.requests.For(m.method.Input())
	if err != nil {
		return true // refused for that already, by whoever registers it
	}
	request := dynamicpb.NewMessage(m.method.Input())
	var parent protoreflect.Message = request
	for _, field := range path[:len(path)-1] {
		if field.IsList() {
			parent = parent.Mutable(field).List().AppendMutable().Message()
			continue
		}
		parent = parent.Mutable(field).Message()
	}
	if set {
		setEmpty(parent, path[len(path)-1])
	}
	return refusedAt(validator.Validate(request), path)
}

// setEmpty sets a field to a value that is there and is empty.
func setEmpty(message protoreflect.Message, field protoreflect.FieldDescriptor) {
	switch {
	case field.IsList():
		list := message.Mutable(field).List()
		list.Append(list.NewElement())
	case field.IsMap():
		entries := message.Mutable(field).Map()
		entries.Set(protoreflect.ValueOfString("").MapKey(), entries.NewValue())
	case field.Message() != nil:
		message.Mutable(field)
	default:
		message.Set(field, field.Default())
	}
}

// refusedAt reports whether a field on a path, or an element of it, is among what
// was found wrong.
func refusedAt(err error, path condition.Path) bool {
	invalid, ok := errors.AsType[*protovalidate.ValidationError](err)
	if !ok {
		return false
	}
	return slices.ContainsFunc(invalid.Violations, func(violation *protovalidate.Violation) bool {
		elements := violation.Proto.GetField().GetElements()
		if len(elements) != len(path) {
			return false
		}
		for i, element := range elements {
			if element.GetFieldNumber() != int32(path[i].Number()) {
				return false
			}
		}
		return true
	})
}

// isWrapper reports whether a field is a message that CEL reads as a value, and as
// null, which is equal to no id, where it is not set.
func isWrapper(field protoreflect.FieldDescriptor) bool {
	return field.Message() != nil && field.Message().FullName() == "google.protobuf.StringValue"
}
