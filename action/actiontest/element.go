package actiontest

import (
	"context"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// WithElement gives a message that actions may answer with, of those of which a declaration
// says at `each` who sees them, or whose fields not everyone may read. Handlers of the registry do not run: what stands in for them
// answers with it. Give one of each kind that callers see, and that they do not, where the
// test says that it found none. By default there are none but the objects of [WithObject],
// and those that can be made from the rules.
func WithElement(element proto.Message) Option {
	return trialOption(func(tr *trial) { tr.items = append(tr.items, element) })
}

// An answer is what an action answers with: a whole response, or elements of it.
type answer struct {
	whole proto.Message
	each  *declare.Each // nil of a whole response
	items []proto.Message
	// short is whether the total says one less than there are.
	short bool
}

// respond fills in what stands in for the response of a handler.
func (tr *trial) respond(ctx context.Context, response proto.Message) (send bool) {
	now := tr.current(idOf(ctx))
	if now == nil || now.answer == nil {
		return false
	}
	now.answer.write(response.ProtoReflect())
	return true
}

// write sets what is answered in a response: the elements, and how many they are.
func (a *answer) write(response protoreflect.Message) {
	if a.whole != nil {
		put(response, a.whole)
		return
	}
	within, field := last(a.each.Field, response)
	for _, item := range a.items {
		element := within.NewField(field)
		if field.IsList() {
			element = within.Mutable(field).List().NewElement()
		}
		put(element.Message(), item)
		switch {
		case field.IsList():
			within.Mutable(field).List().Append(element)
		default:
			within.Set(field, element)
		}
	}
	if a.each.Total == nil {
		return
	}
	count := len(a.items)
	if a.short {
		count--
	}
	within, field = last(a.each.Total, response)
	within.Set(field, countOf(field, count))
}

// last is the message that has the last field of a path, and that field.
func last(path condition.Path, message protoreflect.Message) (protoreflect.Message, protoreflect.FieldDescriptor) {
	for _, field := range path[:len(path)-1] {
		message = message.Mutable(field).Message()
	}
	return message, path[len(path)-1]
}

// countOf is a count as a value of a field of integers.
func countOf(field protoreflect.FieldDescriptor, count int) protoreflect.Value {
	switch field.Kind() {
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(count)) //nolint:gosec // a few
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(uint64(count)) //nolint:gosec // a few
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(count)) //nolint:gosec // a few
	default:
		return protoreflect.ValueOfInt64(int64(count))
	}
}
