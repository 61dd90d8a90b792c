package actiontest

import (
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// deepest is how often a message that is packed may hold another that is.
const deepest = 8

// reachesWrites reports whether a message of a type can have a field that only some may write,
// at any depth.
func reachesWrites(of protoreflect.MessageDescriptor) bool { return reaches(of, declare.GuardsWrites) }

// reaches reports whether a message of a type can have a field such as one asks for, at any
// depth.
func reaches(of protoreflect.MessageDescriptor, such func(protoreflect.FieldDescriptor) bool) (found bool) {
	declare.EachType(of, func(of protoreflect.MessageDescriptor) {
		for i := range of.Fields().Len() {
			found = found || such(of.Fields().Get(i))
		}
	}, nil)
	return found
}

// leadsByOneof reports whether a field is of a oneof that has a field which only some may write,
// or which leads to one.
func leadsByOneof(field protoreflect.FieldDescriptor) bool {
	mates := matesOf(field)
	return len(mates) > 0 && slices.ContainsFunc(append(mates, field), func(of protoreflect.FieldDescriptor) bool {
		within := declare.MessageIn(of)
		return declare.GuardsWrites(of) || within != nil && reachesWrites(within)
	})
}

// holdsWrites reports whether a message itself holds what its type does not say, and what could
// write a field that only some may: packed in it, if it is an Any, or as extensions.
func holdsWrites(message protoreflect.Message, depth int) (found bool) {
	if message.Descriptor().FullName() == "google.protobuf.Any" {
		return packsWrites(message, depth)
	}
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if field.IsExtension() {
			within := declare.MessageIn(field)
			found = found || declare.GuardsWrites(field) || within != nil && (reachesWrites(within) || holdsBelow(field, value, depth))
		}
		return true
	})
	return found
}

// packsWrites reports whether an Any has a message that could write such a field. A type that
// is not linked is none that a handler could have.
func packsWrites(of protoreflect.Message, depth int) bool {
	fields := of.Descriptor().Fields()
	kind, err := protoregistry.GlobalTypes.FindMessageByURL(of.Get(fields.ByName("type_url")).String())
	switch {
	case err != nil:
		return false
	case reachesWrites(kind.Descriptor()):
		return true
	case !reachesOpen(kind.Descriptor()):
		return false
	case depth == deepest:
		return true
	}
	message := kind.New()
	if (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(of.Get(fields.ByName("value")).Bytes(), message.Interface()) != nil {
		return true
	}
	if kind.Descriptor().FullName() == "google.protobuf.Any" {
		return packsWrites(message, depth+1)
	}
	return anyHolds(message, depth+1)
}

// reachesOpen reports whether a message of a type can hold what no type says.
func reachesOpen(of protoreflect.MessageDescriptor) (found bool) {
	declare.EachType(of, func(of protoreflect.MessageDescriptor) {
		found = found || of.FullName() == "google.protobuf.Any" || of.ExtensionRanges().Len() > 0
	}, nil)
	return found
}

// anyHolds is holdsWrites of a message and all below it.
func anyHolds(message protoreflect.Message, depth int) bool {
	found := holdsWrites(message, depth)
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		found = found || holdsBelow(field, value, depth)
		return !found
	})
	return found
}

// holdsBelow is anyHolds of each message of a field.
func holdsBelow(field protoreflect.FieldDescriptor, value protoreflect.Value, depth int) bool {
	for within := range declare.MessagesIn(field, value) {
		if anyHolds(within, depth) {
			return true
		}
	}
	return false
}
