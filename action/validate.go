package action

import (
	"errors"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/protobuf/proto"
)

// validate applies the protovalidate rules of the request.
func (g *gate) validate(request proto.Message) error {
	err := g.validator.Validate(request)
	if err == nil {
		return nil
	}
	invalid, ok := errors.AsType[*protovalidate.ValidationError](err)
	if !ok {
		return fault(err) // a rule that fails to run has not been kept
	}
	violations := invalid.ToProto()
	public := connect.NewError(connect.CodeInvalidArgument, invalid.Error())
	if detail, err := connectproto.NewErrorDetail(violations); err == nil {
		public = public.WithDetail(detail)
	}
	return &denial{public: public, reason: brokenRules(violations)}
}

// brokenRules names the broken rules and the fields they stand on. It leaves out
// everything that comes from the request: values, and the keys of maps.
func brokenRules(violations *validate.Violations) string {
	broken := make([]string, len(violations.GetViolations()))
	for i, violation := range violations.GetViolations() {
		var path []string
		for _, element := range violation.GetField().GetElements() {
			path = append(path, element.GetFieldName())
		}
		broken[i] = strings.Join(path, ".") + ": " + violation.GetRuleId()
	}
	return strings.Join(broken, ", ")
}

// messagesPerValidator bounds how many request types share a validator. A
// validator copies its table of messages for each one it learns, so one for all
// would make registration quadratic; one for each would cost a CEL environment
// apiece.
const messagesPerValidator = 256

// validators hands out validators that know the messages they are asked for.
type validators struct {
	known   map[string]protovalidate.Validator
	current protovalidate.Validator
	left    int
}

// learn returns a validator that has compiled the rules of a message's type. The
// error says which rule does not compile.
func (v *validators) learn(message proto.Message) (protovalidate.Validator, error) {
	name := string(message.ProtoReflect().Descriptor().FullName())
	if validator, ok := v.known[name]; ok {
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
	if err := v.current.Validate(message); err != nil {
		if compilation, ok := errors.AsType[*protovalidate.CompilationError](err); ok {
			return nil, compilation
		}
	}
	v.known[name] = v.current
	return v.current, nil
}
