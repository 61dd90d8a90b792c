package wire

import (
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A plan is what a Counter needs to know about a message type.
type plan struct {
	message protoreflect.MessageDescriptor
	// size estimates the memory of one message without what its fields point to.
	size int64
	// low are the fields with small numbers, by number; high are the others.
	low  []*field
	high map[protoreflect.FieldNumber]*field
	// names are the fields by both of the names that JSON may use.
	names map[string]*field
	// extendable messages may hold fields that the plan does not have.
	extendable bool
	// form is how JSON spells the message.
	form form
}

// A field is what a Counter needs to know about a field.
type field struct {
	list, entries bool
	group         bool
	// packed is how elements of a list lie in a packed one.
	packed packing
	// each estimates the memory of an element or entry besides its text or message.
	each int64
	// message is the plan of the field's message, or of its map's values.
	message *plan
}

// A packing is how the elements of a packed list lie on the wire.
type packing uint8

const (
	unpacked packing = iota
	varints
	fixed32s
	fixed64s
)

// A form is how JSON spells a message.
type form uint8

const (
	object  form = iota // by its fields
	scalar              // as one value that makes nothing more: times, wrappers
	mask                // as one text with a path between its commas
	untyped             // in a way that only its content tells: Any
	value               // google.protobuf.Value
	fields              // google.protobuf.Struct
	values              // google.protobuf.ListValue
)

// lowNumbers is below which number a field is found by index.
const lowNumbers = 64

// build returns the plan of a message type and adds it, with those that it refers
// to, to made.
func (c *Counter) build(message protoreflect.MessageDescriptor, made map[protoreflect.MessageDescriptor]*plan) *plan {
	if known, ok := c.plans.Load(message); ok {
		return known.(*plan) //nolint:forcetypeassert // nothing else is in there
	}
	if known, ok := made[message]; ok {
		return known
	}
	descriptors := message.Fields()
	p := &plan{
		message:    message,
		names:      make(map[string]*field, 2*descriptors.Len()),
		extendable: message.ExtensionRanges().Len() > 0,
		form:       formOf(message.FullName()),
		size:       messageBytes,
	}
	made[message] = p
	for i := range descriptors.Len() {
		descriptor := descriptors.Get(i)
		f := c.buildField(descriptor, made)
		p.size += fieldBytes
		p.names[descriptor.JSONName()], p.names[descriptor.TextName()] = f, f
		number := descriptor.Number()
		if number < lowNumbers {
			for len(p.low) <= int(number) {
				p.low = append(p.low, nil)
			}
			p.low[number] = f
			continue
		}
		if p.high == nil {
			p.high = make(map[protoreflect.FieldNumber]*field)
		}
		p.high[number] = f
	}
	return p
}

// What things take in memory, by the sizes of Go's types on 64 bit. A list that
// grows holds up to twice its elements.
const (
	messageBytes = 48  // the state, the size and the unknown fields of a message
	fieldBytes   = 24  // of the largest kinds; a pointer and what it points to take as much
	textBytes    = 32  // a string's or slice's header in a list that grows
	scalarBytes  = 16  // a number in a list that grows
	pointerBytes = 16  // a pointer in a list that grows
	entryBytes   = 128 // an entry of a map that grows
)

func (c *Counter) buildField(descriptor protoreflect.FieldDescriptor, made map[protoreflect.MessageDescriptor]*plan) *field {
	f := &field{
		list:    descriptor.IsList(),
		entries: descriptor.IsMap(),
		group:   descriptor.Kind() == protoreflect.GroupKind,
	}
	switch {
	case f.entries:
		f.each = entryBytes
		if inner := descriptor.MapValue().Message(); inner != nil {
			f.message = c.build(inner, made)
		}
		return f
	case descriptor.Message() != nil:
		f.each = pointerBytes
		f.message = c.build(descriptor.Message(), made)
		return f
	}
	f.each = scalarBytes
	switch descriptor.Kind() {
	case protoreflect.StringKind, protoreflect.BytesKind:
		f.each = textBytes
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind, protoreflect.FloatKind:
		f.packed = fixed32s
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind, protoreflect.DoubleKind:
		f.packed = fixed64s
	default:
		f.packed = varints
	}
	if !f.list {
		f.packed = unpacked
	}
	return f
}

// formOf returns how JSON spells the message of a name.
func formOf(name protoreflect.FullName) form {
	if name.Parent() != "google.protobuf" {
		return object
	}
	switch name.Name() {
	case "Any":
		return untyped
	case "Struct":
		return fields
	case "ListValue":
		return values
	case "Value":
		return value
	case "FieldMask":
		return mask
	case "Timestamp", "Duration", "Empty",
		"BoolValue", "Int32Value", "Int64Value", "UInt32Value", "UInt64Value",
		"FloatValue", "DoubleValue", "StringValue", "BytesValue":
		return scalar
	default:
		return object
	}
}
