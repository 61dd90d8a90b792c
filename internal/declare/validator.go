package declare

import (
	"errors"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// messagesPerValidator bounds how many request types share a validator. A
// validator copies its table of messages for each one it learns, so one for all
// would make registration quadratic; one for each would cost a CEL environment
// apiece.
const messagesPerValidator = 256

// validators hands out validators that know the messages they are asked for.
type validators struct {
	known   map[protoreflect.FullName]protovalidate.Validator
	current protovalidate.Validator
	left    int
	// compiled are the messages whose rules the current validator has compiled, those
	// within others too.
	compiled map[protoreflect.FullName]bool
}

// Validator returns a validator that has compiled the rules of a message's type and
// of all that it holds. The error says which rule does not compile.
func (r *Reader) Validator(message protoreflect.MessageDescriptor) (protovalidate.Validator, error) {
	v := &r.requests
	if validator, ok := v.known[message.FullName()]; ok {
		return validator, nil
	}
	if v.left == 0 {
		validator, err := protovalidate.New()
		if err != nil {
			return nil, err
		}
		v.current, v.left, v.compiled = validator, messagesPerValidator, map[protoreflect.FullName]bool{}
	}
	v.left--
	if err := v.compile(message); err != nil {
		return nil, err
	}
	v.known[message.FullName()] = v.current
	return v.current, nil
}

// compile makes the current validator compile the rules of a message's type. It does
// so when it first sees one, and reports those of a message within another only
// where there is one; so each type is shown to it by itself.
func (v *validators) compile(message protoreflect.MessageDescriptor) error {
	if v.compiled[message.FullName()] {
		return nil
	}
	// Whether this empty one is valid does not matter.
	if err := v.current.Validate(dynamicpb.NewMessage(message)); err != nil {
		if compilation, ok := errors.AsType[*protovalidate.CompilationError](err); ok {
			return compilation
		}
	}
	v.compiled[message.FullName()] = true
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if field.IsMap() {
			field = field.MapValue()
		}
		if within := field.Message(); within != nil {
			if err := v.compile(within); err != nil {
				// Whoever holds it is no better, and is asked about again.
				delete(v.compiled, message.FullName())
				return err
			}
		}
	}
	return nil
}
