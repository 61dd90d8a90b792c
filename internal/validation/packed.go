package validation

import (
	"context"
	"errors"
	"sync"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
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
	counter wire.Counter

	mu         sync.Mutex // guards what follows, and not the rules that are handed out
	validators *Validators
	known      map[protoreflect.MessageDescriptor]packedRules
}

// packedRules are what is known of the rules of a type.
type packedRules struct {
	*Rules

	err  error // they do not compile
	dear bool  // they may cost too much
}

func newPacked() *packed {
	return &packed{validators: New(), known: map[protoreflect.MessageDescriptor]packedRules{}}
}

// of returns the rules of a type, which it compiles when it is first packed into a
// request.
func (p *packed) of(message protoreflect.MessageDescriptor) packedRules {
	p.mu.Lock()
	defer p.mu.Unlock()
	known, ok := p.known[message]
	if ok {
		return known
	}
	rules, err := p.validators.Rules(message)
	if err == nil {
		rules.packed = nil // the walk goes on into it
		var dear []DearRule
		dear, err = p.validators.Dear(message)
		known = packedRules{Rules: rules, dear: len(dear) > 0}
	}
	known.err = err
	p.known[message] = known
	return known
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
		if err := w.rules(value.Message(), here, proto.Size(value.Message().Interface())); err != nil {
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
	if err := w.rules(opened, here, len(data)); err != nil {
		return err
	}
	return w.message(opened, here, depth+1)
}

// rules applies the rules of a packed message of this many bytes.
func (w *packedWalk) rules(message protoreflect.Message, here *place, bytes int) error {
	rules := w.of(message.Descriptor())
	switch {
	case rules.err != nil:
		return rules.err
	case rules.dear:
		return refusePacked(here, "the validation rules of its type may cost too much")
	}
	err := rules.Validate(w.ctx, message.Interface(), bytes)
	invalid, ok := errors.AsType[*Violations](err)
	if !ok {
		return err
	}
	violations := invalid.Told.GetViolations()
	for _, violation := range violations {
		elements := append(here.path().GetElements(), violation.GetField().GetElements()...)
		violation.SetField(validate.FieldPath_builder{Elements: elements}.Build())
	}
	return told(violations, invalid.More)
}

// refusePacked is the violation of a packed message that was not validated.
func refusePacked(here *place, why string) error {
	id := "any.packed"
	return told([]*validate.Violation{validate.Violation_builder{Field: here.path(), RuleId: &id, Message: &why}.Build()}, false)
}
