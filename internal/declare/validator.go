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
}

// Validator returns a validator that has compiled the rules of a message's type.
// The error says which rule does not compile.
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
		v.current, v.left = validator, messagesPerValidator
	}
	v.left--
	// Rules are compiled when a message of the type is first seen. Whether this
	// empty one is valid does not matter.
	if err := v.current.Validate(dynamicpb.NewMessage(message)); err != nil {
		if compilation, ok := errors.AsType[*protovalidate.CompilationError](err); ok {
			return nil, compilation
		}
	}
	v.known[message.FullName()] = v.current
	return v.current, nil
}
