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

	"github.com/sallyport-rpc/sallyport/internal/condition"
)

// readIdentities refuses a condition that compares the principal's id with a value of
// the request that may be empty: an empty id is no principal's, and must not pass for
// one.
func (e *expressionReading) readIdentities(expression *condition.Expression) {
	for _, identity := range expression.Identities() {
		var field protoreflect.FieldDescriptor
		if identity.Path != nil {
			if field = e.mayBeEmpty(identity.Path); field == nil {
				continue
			}
		}
		switch {
		case e.accepts(RuleCELIdentity):
		case field == nil:
			e.refuseWithFixf(RuleCELIdentity, "compare `principal.id` with a field of the request that a validation rule keeps from being empty",
				"%s compares `principal.id` with `%s`, and nothing keeps that from being empty", e.field, identity.Text)
		default:
			fix := e.fixEmpty(field)
			if hasOneofRule(field) {
				fix = e.grantWith(fmt.Sprintf("has(%s) && %s", identity.Text, bracketed(e.text)), e.traps)
			}
			e.refuseWithFixf(RuleCELIdentity, fix, "%s compares `principal.id` with `%s`, and no validation rule keeps `%s` from being empty",
				e.field, identity.Text, field.Name())
		}
	}
}

// fixEmpty returns the rule, for the options of a field, that keeps it from being
// empty.
func (g *grantReading) fixEmpty(field protoreflect.FieldDescriptor) string {
	rule, label := "(buf.validate.field).string.min_len = 1", ""
	switch {
	case field.IsMap():
		rule = "(buf.validate.field).map.keys.string.min_len = 1"
	case field.IsList():
		rule, label = "(buf.validate.field).repeated.items.string.min_len = 1", "repeated "
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

// hasOneofRule reports whether a field is in a rule of its message that lets one field
// of several be set. Rules of such a field do not hold where it is not set.
func hasOneofRule(field protoreflect.FieldDescriptor) bool {
	rules := &validate.MessageRules{}
	// Rules that cannot be read are not applied either: registration refuses the type.
	_, _ = readOption(field.ContainingMessage().Options(), validate.E_Message, rules)
	return slices.ContainsFunc(rules.GetOneof(), func(rule *validate.MessageOneofRule) bool {
		return slices.Contains(rule.GetFields(), string(field.Name()))
	})
}

// mayBeEmpty returns the last field of a path where the validation rules of the request
// let it be empty, and nil where they do not. It asks the rules themselves, with a
// request in which the field is empty. What is not set is absent, and equal to nothing;
// of a list it is about the elements.
func (m *methodReading) mayBeEmpty(path condition.Path) protoreflect.FieldDescriptor {
	field := path[len(path)-1]
	if m.unlessRefused(path, field.HasPresence() || field.IsList() || field.IsMap()) {
		return field
	}
	return nil
}

// refusesEmpty reports whether the rules refuse a message, the request or the claims, in
// which the last field of a path into it is not set or, if so asked, set to what is empty.
func (m *methodReading) refusesEmpty(path condition.Path, set bool) bool {
	if len(path) == 1 && plainlyRefusesEmpty(path[0]) {
		return true
	}
	root := path[0].ContainingMessage()
	first, err := m.requests.First(root)
	if err != nil {
		return true // registration refuses it for that
	}
	message := dynamicpb.NewMessage(root)
	var parent protoreflect.Message = message
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
	// Other rules have no say: one that fails to run would hide what this one says.
	onPath := protovalidate.WithFilter(protovalidate.FilterFunc(func(_ protoreflect.Message, of protoreflect.Descriptor) bool {
		field, ok := of.(protoreflect.FieldDescriptor)
		return ok && slices.Contains(path, field)
	}))
	// Most paths are refused by the first rule that does not hold, or by none. Those that go
	// on after it are compiled anew, for all of the message.
	switch err := first.Validate(message, onPath); {
	case err == nil:
		return false
	case refusedAt(err, path):
		return true
	}
	all, err := m.requests.For(root)
	return err != nil || refusedAt(all.Validate(message, onPath), path)
}

// plainlyRefusesEmpty reports whether a rule of a text without presence says by itself that it
// is not empty. The rules of its message need not be compiled to know that, which takes longer
// than all else that is read of an action.
func plainlyRefusesEmpty(field protoreflect.FieldDescriptor) bool {
	if field.Kind() != protoreflect.StringKind || field.IsList() || field.HasPresence() {
		return false
	}
	rules, err := protovalidate.ResolveFieldRules(field)
	if err != nil || rules.GetIgnore() != validate.Ignore_IGNORE_UNSPECIFIED {
		return false
	}
	// Of those in a oneof of the message's rules, rules hold where they are not empty.
	if around, err := protovalidate.ResolveMessageRules(field.ContainingMessage()); err != nil || len(around.GetOneof()) > 0 {
		return false
	}
	of := rules.GetString()
	return rules.GetRequired() || of.GetUuid() || of.GetMinLen() > 0 || of.GetLen() > 0
}

// setEmpty sets a field to a value that is there and is empty.
func setEmpty(message protoreflect.Message, field protoreflect.FieldDescriptor) {
	switch {
	case field.IsList():
		list := message.Mutable(field).List()
		list.Append(list.NewElement())
	case field.IsMap():
		entries := message.Mutable(field).Map()
		entries.Set(zero(field.MapKey()).MapKey(), entries.NewValue())
	case field.Message() != nil:
		message.Mutable(field)
	default:
		message.Set(field, zero(field))
	}
}

// zero is the zero value of a scalar field. A default of the field does not count.
func zero(field protoreflect.FieldDescriptor) protoreflect.Value {
	switch field.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString("")
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(nil)
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(false)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(0)
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(0)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(0)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(0)
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(0)
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(0)
	default:
		return protoreflect.ValueOfInt64(0)
	}
}

// refusedAt reports whether a field on a path, or an element of it, is among what
// was found wrong. Of a map it is about the keys.
func refusedAt(err error, path condition.Path) bool {
	if _, fails := errors.AsType[*protovalidate.RuntimeError](err); fails {
		return true // a rule of the field that fails to run refuses the request
	}
	invalid, ok := errors.AsType[*protovalidate.ValidationError](err)
	return ok && slices.ContainsFunc(invalid.Violations, func(violation *protovalidate.Violation) bool {
		elements := violation.Proto.GetField().GetElements()
		if len(elements) != len(path) {
			return false
		}
		for i, element := range elements {
			if element.GetFieldNumber() != int32(path[i].Number()) {
				return false
			}
		}
		last := elements[len(elements)-1]
		return last.GetSubscript() == nil || !path[len(path)-1].IsMap() || violation.Proto.GetForKey()
	})
}
