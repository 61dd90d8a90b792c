package validation

import (
	"context"
	"errors"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/sallyport-rpc/sallyport/internal/wire"
)

const (
	// maxPackedDepth is how deep messages may be packed into each other, each in a
	// google.protobuf.Any. Each level is decoded again, so that without a limit the time
	// would grow with the square of the size.
	maxPackedDepth = 4
	// maxPackedItems is how many messages, elements and entries the packed messages of a
	// request may make together, as a request itself may by default.
	maxPackedItems = 100_000
)

// packed validates what protovalidate does not look into: messages inside of
// google.protobuf.Any, and those of extension fields. A message of a type that is not
// linked into the program is left alone: no handler can read it as a message either.
type packed struct {
	validator protovalidate.Validator
	counter   *wire.Counter
}

// hides reports whether a message's type has a google.protobuf.Any or an extension in it,
// at any depth.
func hides(message protoreflect.MessageDescriptor, seen map[protoreflect.MessageDescriptor]bool) bool {
	if seen[message] {
		return false
	}
	seen[message] = true
	if isAny(message) || message.ExtensionRanges().Len() > 0 {
		return true
	}
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if field.IsMap() {
			field = field.MapValue()
		}
		if within := field.Message(); within != nil && hides(within, seen) {
			return true
		}
	}
	return false
}

func isAny(message protoreflect.MessageDescriptor) bool {
	return message.FullName() == "google.protobuf.Any"
}

// validate validates what is packed into a message. The error is a [*Violations], the
// context's, or what kept a rule from running.
func (p *packed) validate(ctx context.Context, message proto.Message) error {
	walk := &packedWalk{packed: p, ctx: ctx, left: maxPackedItems}
	return walk.message(message.ProtoReflect(), nil, 0)
}

type packedWalk struct {
	*packed

	ctx  context.Context //nolint:containedctx // of one validation
	left int             // how many items packed messages may still make
}

// message looks for packed messages in a message, at any depth.
func (w *packedWalk) message(message protoreflect.Message, here *place, depth int) error {
	if isAny(message.Descriptor()) {
		return w.open(message, here, depth)
	}
	var err error
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		err = w.field(field, value, here, depth)
		return err == nil
	})
	return err
}

func (w *packedWalk) field(field protoreflect.FieldDescriptor, value protoreflect.Value, parent *place, depth int) error {
	here := place{parent: parent, field: field}
	switch {
	case field.IsMap():
		if field.MapValue().Message() == nil {
			return nil
		}
		var err error
		here.inMap = true
		value.Map().Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
			here.key = key
			err = w.value(field, value, &here, depth)
			return err == nil
		})
		return err
	case field.Message() == nil:
		return nil
	case field.IsList():
		here.inList = true
		for i := range value.List().Len() {
			here.index = i
			if err := w.value(field, value.List().Get(i), &here, depth); err != nil {
				return err
			}
		}
		return nil
	default:
		return w.value(field, value, &here, depth)
	}
}

// value looks into one message. That of an extension was not validated yet.
func (w *packedWalk) value(field protoreflect.FieldDescriptor, value protoreflect.Value, here *place, depth int) error {
	if field.IsExtension() {
		if err := w.rules(value.Message(), here); err != nil {
			return err
		}
	}
	return w.message(value.Message(), here, depth)
}

// open decodes and validates the message in a google.protobuf.Any.
func (w *packedWalk) open(message protoreflect.Message, here *place, depth int) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	fields := message.Descriptor().Fields()
	url, data := message.Get(fields.ByName("type_url")).String(), message.Get(fields.ByName("value")).Bytes()
	kind, err := protoregistry.GlobalTypes.FindMessageByURL(url)
	if err != nil {
		return nil //nolint:nilerr // a type that is not linked in
	}
	if depth == maxPackedDepth {
		return refusePacked(here, "messages are packed into each other too deeply")
	}
	w.left -= w.counter.Binary(kind.Descriptor(), data, w.left).Items
	if w.left < 0 {
		return refusePacked(here, "packed messages have too many elements")
	}
	opened := kind.New()
	if err := proto.Unmarshal(data, opened.Interface()); err != nil {
		return refusePacked(here, "value does not decode as its type")
	}
	if err := w.rules(opened, here); err != nil {
		return err
	}
	return w.message(opened, here, depth+1)
}

// rules applies the rules of a packed message by themselves.
func (w *packedWalk) rules(message protoreflect.Message, here *place) error {
	err := w.validator.Validate(message.Interface(), protovalidate.WithFailFast(), protovalidate.WithFilter(&watchful{ctx: w.ctx}))
	if gone := w.ctx.Err(); gone != nil {
		return gone
	}
	invalid, ok := errors.AsType[*protovalidate.ValidationError](err)
	if !ok {
		return err
	}
	violations := invalid.ToProto().GetViolations()
	for _, violation := range violations {
		elements := append(here.path().GetElements(), violation.GetField().GetElements()...)
		violation.SetField(validate.FieldPath_builder{Elements: elements}.Build())
	}
	return told(violations, false)
}

// refusePacked is the violation of a packed message that was not validated.
func refusePacked(here *place, why string) error {
	id := "any.packed"
	return told([]*validate.Violation{validate.Violation_builder{Field: here.path(), RuleId: &id, Message: &why}.Build()}, false)
}
