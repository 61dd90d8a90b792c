package action

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/internal/validation"
)

// rulesOf returns a gate that validates messages of a type.
func rulesOf(tb testing.TB, message proto.Message) *gate {
	tb.Helper()
	rules, err := validation.New().Rules(message.ProtoReflect().Descriptor())
	if err != nil {
		tb.Fatal(err)
	}
	return &gate{rules: rules, request: message.ProtoReflect().Descriptor().FullName()}
}

// A request that breaks rules is invalid while its caller waits. Where the caller is gone,
// or the deadline has passed, that is why the call is denied, and it is no fault.
func TestValidateForACallerWhoIsGone(t *testing.T) {
	t.Parallel()
	gone, leave := context.WithCancel(t.Context())
	leave()
	late, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	for name, test := range map[string]struct {
		ctx    context.Context
		public *connect.Error // nil where the request is found to be invalid
	}{
		"waits":               {ctx: t.Context()},
		"gone":                {gone, errCanceled},
		"its deadline passed": {late, errDeadlineExceeded},
	} {
		g := rulesOf(t, &testv1.Request{})
		err := g.validate(test.ctx, &passage{gate: g}, &testv1.Request{First: 101, Owner: "alice"})
		denied := denialOf(err)
		if test.public == nil {
			if denied.public.Code() != connect.CodeInvalidArgument || denied.gone {
				t.Errorf("%s: %v, gone %t", name, denied.public, denied.gone)
			}
			continue
		}
		if denied.public != test.public || !denied.gone || denied.err != nil {
			t.Errorf("%s: %v, gone %t, fault %v", name, denied.public, denied.gone, denied.err)
		}
	}
}

// An unread message fails the test where something looks at it.
type unread struct {
	*testv1.PingRequest

	t *testing.T
}

func (u unread) ProtoReflect() protoreflect.Message {
	u.t.Error("the message is looked at")
	return u.PingRequest.ProtoReflect()
}

// Where a type has no rules, nothing looks at its messages.
func TestValidateWithoutRules(t *testing.T) {
	t.Parallel()
	g := rulesOf(t, &testv1.PingRequest{})
	if err := g.validate(t.Context(), &passage{gate: g}, unread{&testv1.PingRequest{}, t}); err != nil {
		t.Error(err)
	}
}

// The detail of a denial that is large is not said once more in JSON; a small one is.
func TestInvalidDetail(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rules int
		small bool
	}{
		"one rule":   {1, true},
		"many rules": {20, false},
	} {
		var broken []*validate.Violation
		for i := range test.rules {
			broken = append(broken, validate.Violation_builder{RuleId: new(fmt.Sprint(i, ".", strings.Repeat("x", 100)))}.Build())
		}
		details := invalid(&validation.Violations{Told: validate.Violations_builder{Violations: broken}.Build()}).public.Details()
		if len(details) != 1 {
			t.Fatalf("%s: %d details", name, len(details))
		}
		if said := string(details[0].Debug) != "null"; said != test.small {
			t.Errorf("%s: of %d bytes the JSON is %q", name, len(details[0].Value), details[0].Debug)
		}
	}
	// At the size up to which it is said, and a byte above.
	for _, size := range []int{mostDebug, mostDebug + 1} {
		violation := validate.Violation_builder{RuleId: new("")}.Build()
		told := validate.Violations_builder{Violations: []*validate.Violation{violation}}.Build()
		for id := ""; proto.Size(told) < size; id += "x" {
			violation.SetRuleId(id)
		}
		detail := invalid(&validation.Violations{Told: told}).public.Details()[0]
		if len(detail.Value) != size {
			t.Fatalf("the detail has %d bytes, want %d", len(detail.Value), size)
		}
		if said := string(detail.Debug) != "null"; said != (size == mostDebug) {
			t.Errorf("of %d bytes the JSON is %q", size, detail.Debug)
		}
	}
}

// A denial that does not say all the rules that do not hold says that there are more.
func TestInvalidAndMore(t *testing.T) {
	t.Parallel()
	told := validate.Violations_builder{Violations: []*validate.Violation{validate.Violation_builder{RuleId: new("int32.lte")}.Build()}}.Build()
	for _, more := range []bool{false, true} {
		denied := invalid(&validation.Violations{Told: told, More: more})
		var said bool
		for _, detail := range denied.public.Details() {
			message, err := connectproto.UnmarshalErrorDetail(detail)
			if err != nil {
				t.Fatal(err)
			}
			if info, ok := message.(*errdetails.ErrorInfo); ok && info.GetReason() == "MORE_VIOLATIONS" {
				said = true
			}
		}
		if said != more || strings.HasSuffix(denied.reason, "and there may be more") != more {
			t.Errorf("more: %t, the caller is told so: %t, and the operator %q", more, said, denied.reason)
		}
	}
}
