package action_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/sallyport-rpc/sallyport/action/event"
)

// refused is what must be seen of a call that is not let through.
type refused struct {
	code   connect.Code
	text   string // what the caller is told, where it is fixed
	stage  event.Stage
	reason string // what the record says
	fault  bool   // the record has an error
	// principal and scheme are of the caller, where known before the call was refused.
	principal, scheme string
	rules             []string // the ids of the validation rules that were broken
	// challenge is what WWW-Authenticate says. Nil is the session's, where the code is
	// unauthenticated.
	challenge []string
}

// The fixed texts of design.md, section 5.
const (
	textUnauthenticated = "a valid credential is needed"
	textDenied          = "not allowed"
	textUnavailable     = "temporarily unavailable"
	textInternal        = "internal error"
	textNotFound        = "not found"
)

// expectRefused fails the test where a call that was just made was not refused as
// wanted: the caller's code, text and details; one decision, which says why; no
// handler; and nothing planted in any of it.
func (h *fixture) expectRefused(t *testing.T, got answer, want refused) {
	t.Helper()
	events, decisions := h.take()
	if slices.Contains(events, "handle") {
		t.Errorf("the handler ran: %q", events)
	}
	if len(decisions) != 1 {
		t.Fatalf("got %d decisions, want 1: %q", len(decisions), events)
	}
	expectError(t, got, want)
	expectDecision(t, decisions[0], want)
	if len(got.responses) > 0 {
		t.Errorf("got %d responses", len(got.responses))
	}
}

// expectError compares what the caller was told.
func expectError(t *testing.T, got answer, want refused) {
	t.Helper()
	told, ok := errors.AsType[*connect.Error](got.err)
	if !ok || told.Code() != want.code {
		t.Fatalf("the caller got %v, want %s", got.err, want.code)
	}
	if want.text != "" && told.Message() != want.text {
		t.Errorf("the caller is told %q, want %q", told.Message(), want.text)
	}
	if diff := cmp.Diff(wantDetails(want), details(t, told), protocmp.Transform(),
		protocmp.FilterMessage(new(validate.Violation), cmp.Transformer("rule", func(m protocmp.Message) any { return m["rule_id"] }))); diff != "" {
		t.Errorf("details (-want +got):\n%s", diff)
	}
	if told.Code() != connect.CodeInvalidArgument && strings.Contains(fmt.Sprint(told.Message(), details(t, told)), planted) {
		t.Errorf("the caller is told what was planted: %v", told)
	}
	if want.challenge == nil && want.code == connect.CodeUnauthenticated {
		want.challenge = []string{`session realm="test"`}
	}
	if !slices.Equal(got.challenge, want.challenge) {
		t.Errorf("WWW-Authenticate is %q, want %q", got.challenge, want.challenge)
	}
}

func wantDetails(want refused) []proto.Message {
	switch {
	case want.code == connect.CodePermissionDenied:
		return []proto.Message{&errdetails.ErrorInfo{Reason: "NOT_ALLOWED", Domain: "sallyport"}}
	case len(want.rules) > 0:
		violations := make([]*validate.Violation, len(want.rules))
		for i, rule := range want.rules {
			violations[i] = validate.Violation_builder{RuleId: &rule}.Build()
		}
		return []proto.Message{validate.Violations_builder{Violations: violations}.Build()}
	default:
		return nil
	}
}

func details(t *testing.T, err *connect.Error) []proto.Message {
	t.Helper()
	var all []proto.Message
	for _, detail := range err.Details() {
		message, err := connectproto.UnmarshalErrorDetail(detail)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, message)
	}
	return all
}

// expectDecision compares what was recorded.
func expectDecision(t *testing.T, got event.Decision, want refused) {
	t.Helper()
	seen := refused{
		code: got.Code, stage: got.Stage, reason: got.Reason, fault: got.Err != nil,
		principal: got.PrincipalID, scheme: got.Scheme,
	}
	want.text, want.rules, want.challenge = "", nil, nil
	if diff := cmp.Diff(want, seen, cmp.AllowUnexported(refused{})); diff != "" {
		t.Errorf("the decision (-want +got):\n%s\nerror: %v", diff, got.Err)
	}
	if got.Outcome != event.Deny || got.Grant != "" || got.Procedure == "" || got.Time.IsZero() {
		t.Errorf("the decision is %+v", got)
	}
	expectClean(t, got)
}

// expectClean fails the test where a decision, or what is logged of it, holds what
// was planted.
func expectClean(t *testing.T, decision event.Decision) {
	t.Helper()
	var logged bytes.Buffer
	_ = event.LogRecorder(slog.New(slog.NewJSONHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))).Record(t.Context(), &event.Event{Decision: decision})
	for _, text := range []string{fmt.Sprintf("%+v", decision), fmt.Sprint(decision.Err), logged.String()} {
		if strings.Contains(text, planted) {
			t.Errorf("the record shows what was planted: %s", text)
		}
	}
}
