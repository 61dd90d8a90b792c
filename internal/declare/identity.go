package declare

import (
	"errors"
	"fmt"
	"slices"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/condition"
)

// readIdentities refuses a condition that compares the principal's id with a value of
// the request that may be empty: an empty id is no principal's, and must not pass for
// one.
func (e *expressionReading) readIdentities(expression *condition.Expression) {
	for _, identity := range expression.Identities() {
		if identity.Path == nil {
			e.refuseWithFixf(RuleCELIdentity, "compare `principal.id` with a field of the request that a validation rule keeps from being empty",
				"%s compares `principal.id` with `%s`, and nothing keeps that from being empty", e.field, identity.Text)
			continue
		}
		if field := e.mayBeEmpty(identity.Path); field != nil {
			e.refuseWithFixf(RuleCELIdentity, e.fixEmpty(field),
				"%s compares `principal.id` with `%s`, and no validation rule keeps `%s` from being empty",
				e.field, identity.Text, field.Name())
		}
	}
}

// fixEmpty returns what keeps a field from being empty: a rule for its options or,
// where no rule can, a check in place of the comparison.
func (g *grantReading) fixEmpty(field protoreflect.FieldDescriptor) string {
	if oneof := field.ContainingOneof(); oneof != nil && !oneof.IsSynthetic() || inOneofRule(field) {
		return fmt.Sprintf("compare in a check, since %s may be unset where another field of its oneof is set:\n%s", field.Name(),
			messageText("allow", (&sallyportv1.Grant{Check: new("is_" + snakeCase(string(field.Name())))}).ProtoReflect()))
	}
	rule, label := "(buf.validate.field).string.min_len = 1", ""
	switch {
	case field.IsMap():
		rule = "(buf.validate.field).map.keys.string.min_len = 1"
	case field.IsList():
		rule, label = "(buf.validate.field).repeated.items.string.min_len = 1", "repeated "
	case isWrapper(field):
	case field.Message() != nil:
		rule = "(buf.validate.field).required = true"
	case field.HasPresence():
		rule = "(buf.validate.field).required = true, " + rule
	}
	switch {
	case field.Cardinality() == protoreflect.Required:
		label = "required "
	case field.HasOptionalKeyword():
		label = "optional "
	}
	text := fmt.Sprintf("at %s:\n", positionOf(field))
	const schema = "buf/validate/validate.proto"
	if !imports(field.ParentFile(), schema) {
		text = "import \"" + schema + "\";\n" + text
	}
	if field.Kind() == protoreflect.StringKind && proto.Size(field.Options()) == 0 && (!field.HasDefault() || field.Default().String() == "") {
		return text + fmt.Sprintf("%sstring %s = %d [%s];", label, field.Name(), field.Number(), rule)
	}
	return text + fmt.Sprintf("among the options of %s: %s", field.Name(), rule)
}

// inOneofRule reports whether a field is in a rule of its message that lets one field
// of several be set. Rules of such a field do not hold where it is not set.
func inOneofRule(field protoreflect.FieldDescriptor) bool {
	rules := &validate.MessageRules{}
	if _, err := readOption(field.ContainingMessage().Options(), validate.E_Message, rules); err != nil {
		return false
	}
	return slices.ContainsFunc(rules.GetOneof(), func(rule *validate.MessageOneofRule) bool {
		return slices.Contains(rule.GetFields(), string(field.Name()))
	})
}

// mayBeEmpty returns the first field on a path that the validation rules of the
// request let be empty, and nil where they let none. It asks the rules themselves,
// with a request in which the field is empty.
func (m *methodReading) mayBeEmpty(path condition.Path) protoreflect.FieldDescriptor {
	for i, field := range path {
		leaf := i == len(path)-1
		// An empty list has no element that could be equal to anything, and a field that is
		// not set reads as its default, which proto2 lets be a text.
		unset := !field.IsList() && !field.IsMap() && !isWrapper(field) && (!field.HasDefault() || field.Default().String() == "")
		if unset && !m.refusesEmpty(path[:i+1], false) {
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
		return true // registration refuses it for that
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
		message.Set(field, protoreflect.ValueOfString(""))
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
