// Package validation compiles the protovalidate rules of request types, once each,
// for those who ask about rules before a request comes and for the gates that apply
// them.
package validation

import (
	"errors"
	"sync"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// messagesPerValidator bounds how many request types share a validator. A
// validator copies its table of messages for each one it learns, so one for all
// would make registration quadratic; one for each would cost a CEL environment
// apiece.
const messagesPerValidator = 256

// Validators gives out validators that know the messages they are asked for. It is
// not safe for concurrent use; the validators are. Make one with [New].
type Validators struct {
	known   map[protoreflect.MessageDescriptor]*shared
	current *shared
	left    int
	// compiled are the messages whose rules the current validator has compiled, those
	// within others too.
	compiled map[protoreflect.MessageDescriptor]bool
	costs    *costs  // nil until asked for
	packed   *packed // nil until something can be packed into a message
}

// shared are two validators of the same messages. Each is told how to validate when it
// is made, since telling it so at every call allocates.
type shared struct {
	// first stops at the first rule that does not hold.
	first protovalidate.Validator
	// all returns one that goes on. It is made, and compiles the rules of a type, when a
	// message of it first breaks a rule.
	all func() (protovalidate.Validator, error)
}

func newShared() (*shared, error) {
	first, err := protovalidate.New(protovalidate.WithFailFast())
	if err != nil {
		return nil, err
	}
	return &shared{first, sync.OnceValues(func() (protovalidate.Validator, error) { return protovalidate.New() })}, nil
}

// New returns Validators that know no message yet.
func New() *Validators {
	return &Validators{known: map[protoreflect.MessageDescriptor]*shared{}}
}

// For returns a validator that reports all rules of a message's type that do not hold.
// The error says which rule does not compile.
func (v *Validators) For(message protoreflect.MessageDescriptor) (protovalidate.Validator, error) {
	shared, err := v.share(message)
	if err != nil {
		return nil, err
	}
	return shared.all()
}

// First returns a validator that reports the first rule of a message's type that does not
// hold. It is the one that gates use, so that nothing is compiled for it besides. The error
// says which rule does not compile.
func (v *Validators) First(message protoreflect.MessageDescriptor) (protovalidate.Validator, error) {
	shared, err := v.share(message)
	if err != nil {
		return nil, err
	}
	return shared.first, nil
}

// share returns validators of which the first has compiled the rules of a message's type
// and of all that it holds. The error says which rule does not compile.
func (v *Validators) share(message protoreflect.MessageDescriptor) (*shared, error) {
	if known, ok := v.known[message]; ok {
		return known, nil
	}
	if v.left == 0 {
		made, err := newShared()
		if err != nil {
			return nil, err
		}
		v.current, v.left, v.compiled = made, messagesPerValidator, map[protoreflect.MessageDescriptor]bool{}
	}
	v.left--
	if err := v.compile(message); err != nil {
		return nil, err
	}
	v.known[message] = v.current
	return v.current, nil
}

// compile makes the current validators' first compile the rules of a message's type. It does
// so when it first sees one, and reports those of a message within another only
// where there is one; so each type is shown to it by itself.
func (v *Validators) compile(message protoreflect.MessageDescriptor) error {
	if v.compiled[message] {
		return nil
	}
	// Whether this empty one is valid does not matter.
	if err := v.current.first.Validate(dynamicpb.NewMessage(message)); err != nil {
		if compilation, ok := errors.AsType[*protovalidate.CompilationError](err); ok {
			return compilation
		}
	}
	v.compiled[message] = true
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if field.IsMap() {
			field = field.MapValue()
		}
		if within := field.Message(); within != nil {
			if err := v.compile(within); err != nil {
				// A message that holds it is refused as well, whenever it is asked about.
				delete(v.compiled, message)
				return err
			}
		}
	}
	return nil
}
