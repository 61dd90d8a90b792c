package action

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/internal/validation"
	"github.com/sallyport-rpc/sallyport/internal/wire"
)

// validate applies the protovalidate rules of the request.
func (g *gate) validate(ctx context.Context, pass *passage, request proto.Message) error {
	pass.step(event.StageValidate)
	if g.rules.None() {
		return nil
	}
	var bytes int
	if call, ok := connect.CallInfoForServerContext(ctx); ok {
		bytes = call.ReceiveStats.Size
	}
	err := g.rules.Validate(ctx, request, bytes)
	if err == nil {
		return nil
	}
	if violations, ok := errors.AsType[*validation.Violations](err); ok {
		return invalid(violations)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return interrupted(err)
	}
	// A rule that fails to run has not been kept. CEL's own text can quote the request,
	// such as the key that was not there.
	return fault(fmt.Errorf("a validation rule of %s could not be evaluated", g.request))
}

// mostReason is how many bytes the reason of a denial may take in a log.
const mostReason = 2 << 10

// mostDebug is the size of a detail up to which the Connect protocol says it once more
// in JSON, which takes several times as much.
const mostDebug = 1 << 10

// moreViolations is the detail of a denial that does not tell all the rules that do not
// hold.
var moreViolations = errorInfo("MORE_VIOLATIONS")

// invalid is the denial of a request that breaks rules.
func invalid(violations *validation.Violations) *denial {
	public := connect.NewError(connect.CodeInvalidArgument, violations.Error())
	if detail, err := connectproto.NewErrorDetail(violations.Told); err == nil {
		if len(detail.Value) > mostDebug {
			detail.Debug = []byte("null")
		}
		public = public.WithDetail(detail)
	}
	reason := brokenRules(violations.Told)
	if violations.More {
		public = public.WithDetail(moreViolations)
		reason += ", and there may be more"
	}
	return &denial{public: public, reason: wire.Shorten(reason, mostReason)}
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
