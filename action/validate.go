package action

import (
	"errors"
	"fmt"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/protobuf/proto"
)

// validate applies the protovalidate rules of the request.
func (g *gate) validate(pass *passage, request proto.Message) error {
	pass.stage = StageValidate
	err := g.validator.Validate(request)
	if err == nil {
		return nil
	}
	invalid, ok := errors.AsType[*protovalidate.ValidationError](err)
	if !ok {
		// A rule that fails to run has not been kept. CEL's own text can quote the request,
		// such as the key that was not there.
		return fault(fmt.Errorf("a validation rule of %s could not be evaluated", g.request))
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
