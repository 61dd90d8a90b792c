package declare

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// errUnresolved says that an option is there and cannot be read.
var errUnresolved = errors.New("the option is there, but was not resolved")

// findOption finds one of our extensions among a descriptor's options. found says
// whether it is there at all; an error says that it is there and cannot be trusted.
func findOption(options proto.Message, extension protoreflect.ExtensionType) (value protoreflect.Value, found bool, err error) {
	reflected := options.ProtoReflect()
	want := extension.TypeDescriptor()
	if hasUnknown(reflected.GetUnknown(), want.Number()) {
		return value, true, errUnresolved
	}
	var field protoreflect.FieldDescriptor
	reflected.Range(func(candidate protoreflect.FieldDescriptor, set protoreflect.Value) bool {
		if candidate.Number() == want.Number() {
			found, field, value = true, candidate, set
		}
		return !found
	})
	if found && (field.FullName() != want.FullName() || field.Kind() != want.Kind() || field.IsList() != want.IsList() || field.IsMap()) {
		return value, true, fmt.Errorf("%w: field %d of the options is %s", errUnresolved, want.Number(), field.FullName())
	}
	return value, found, nil
}

// readOption copies a found option into a message of the type this build knows.
// The options of a dynamic descriptor hold dynamic messages, so it goes through the
// wire form rather than by type assertion.
func readOption(options proto.Message, extension protoreflect.ExtensionType, into proto.Message) (found bool, err error) {
	value, found, err := findOption(options, extension)
	if err != nil || !found {
		return found, err
	}
	return true, copyOption(value.Message(), into)
}

func copyOption(value protoreflect.Message, into proto.Message) error {
	wire, err := proto.MarshalOptions{AllowPartial: true}.Marshal(value.Interface())
	if err != nil {
		return fmt.Errorf("%w: %w", errUnresolved, err)
	}
	if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(wire, into); err != nil {
		return fmt.Errorf("%w: %w", errUnresolved, err)
	}
	return nil
}

// hasUnknown reports whether a message's unknown fields have one of the number. A
// wire form that does not parse might have any.
func hasUnknown(wire protoreflect.RawFields, number protowire.Number) bool {
	for len(wire) > 0 {
		found, kind, n := protowire.ConsumeTag(wire)
		if n < 0 || found == number {
			return true
		}
		size := protowire.ConsumeFieldValue(found, kind, wire[n:])
		if size < 0 {
			return true
		}
		wire = wire[n+size:]
	}
	return false
}

// unknowns lists what this build does not know in a message and all below it: one
// problem for each message with unknown fields, one for each unknown enum number.
func unknowns(message protoreflect.Message, path string) (fields, values []string) {
	if len(message.GetUnknown()) > 0 {
		number, _, _ := protowire.ConsumeTag(message.GetUnknown())
		fields = append(fields, fmt.Sprintf("%s has field %d, which this build does not know", path, number))
	}
	visit := func(field protoreflect.FieldDescriptor, value protoreflect.Value, at string) {
		switch {
		case field.Message() != nil:
			below, belowValues := unknowns(value.Message(), at)
			fields, values = append(fields, below...), append(values, belowValues...)
		case field.Enum() != nil && field.Enum().Values().ByNumber(value.Enum()) == nil:
			values = append(values, fmt.Sprintf("%s is %d, which this build does not know", at, value.Enum()))
		}
	}
	for _, field := range setFields(message) {
		at := path + "." + string(field.Name())
		value := message.Get(field)
		if !field.IsList() {
			visit(field, value, at)
			continue
		}
		for i := range value.List().Len() {
			visit(field, value.List().Get(i), fmt.Sprintf("%s[%d]", at, i))
		}
	}
	return fields, values
}

// setFields returns a message's set fields in the order of their declaration, so
// that what is made of them is always the same.
func setFields(message protoreflect.Message) []protoreflect.FieldDescriptor {
	var set []protoreflect.FieldDescriptor
	fields := message.Descriptor().Fields()
	for i := range fields.Len() {
		if message.Has(fields.Get(i)) {
			set = append(set, fields.Get(i))
		}
	}
	return set
}
