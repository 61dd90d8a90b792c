package field

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// A Refusal is why a request is not taken: a [*NamedError] or a [*RefusedError].
type Refusal interface {
	error
	// Public says what the caller is told.
	Public() string
	// Unwrap returns why the rule could not be decided, or nil.
	Unwrap() error
}

// holds is what a message itself holds that its descriptor does not say, and that can have a
// field of a kind: the message, if it is an Any that packs one, or an extension. It is nil for
// nothing.
func (r *Rules) holds(what reach, message protoreflect.Message) (held protoreflect.Descriptor) {
	if isAny(message.Descriptor()) {
		if address, value := contentOf(message); r.packs(what, address, value, 0) {
			return message.Descriptor()
		}
		return nil
	}
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if field.IsExtension() && r.extends(what, field, value, 0) {
			held = field
		}
		return held == nil
	})
	return held
}

// contentOf is what an Any packs: its type's address, and its wire form.
func contentOf(message protoreflect.Message) (address string, value []byte) {
	fields := message.Descriptor().Fields()
	return message.Get(fields.ByName("type_url")).String(), message.Get(fields.ByName("value")).Bytes()
}

// packs reports whether what an Any holds can have a field of a kind: one that only some may
// write, or one that holds names. A type that is not linked into the program is none that a
// handler could unpack.
func (r *Rules) packs(what reach, address string, value []byte, depth int) bool {
	kind, err := protoregistry.GlobalTypes.FindMessageByURL(address)
	if err != nil {
		return false
	}
	switch reaches := r.takenReach(kind.Descriptor()); {
	case reaches&what != 0:
		return true
	case reaches&reachesOpen == 0:
		return false
	case depth == maxPacked:
		return true
	}
	message := kind.New()
	if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(value, message.Interface()); err != nil {
		return true
	}
	return r.packsBelow(what, message, depth)
}

// extends reports whether an extension has a field of a kind: it is one itself, and no rule of
// an extension is read, or what it holds has one.
func (r *Rules) extends(what reach, field protoreflect.FieldDescriptor, value protoreflect.Value, depth int) bool {
	within := declare.MessageIn(field)
	switch {
	case ownReach(field)&what != 0:
		return true
	case within == nil:
		return false
	case r.takenReach(within)&what != 0:
		return true
	default:
		return r.packsIn(what, field, value, depth)
	}
}

// packsBelow is packs of what stands in a message, at any depth.
func (r *Rules) packsBelow(what reach, message protoreflect.Message, depth int) (found bool) {
	if isAny(message.Descriptor()) {
		address, value := contentOf(message)
		return r.packs(what, address, value, depth+1)
	}
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsExtension():
			found = r.extends(what, field, value, depth)
		case declare.MessageIn(field) != nil:
			found = r.packsIn(what, field, value, depth)
		}
		return !found
	})
	return found
}

// packsIn is packs of what stands in the messages of a field.
func (r *Rules) packsIn(what reach, field protoreflect.FieldDescriptor, value protoreflect.Value, depth int) bool {
	for within := range declare.MessagesIn(field, value) {
		if r.packsBelow(what, within, depth) {
			return true
		}
	}
	return false
}
