package action_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
)

func TestDenialsAreExplained(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		method string
		who    string
		want   []event.GrantOutcome
		scopes []string
	}{
		"a role": {
			method: "Role", who: "robot",
			want: []event.GrantOutcome{{Grant: "allow[0]", Conditions: []event.ConditionOutcome{
				{Condition: "any_role viewer", Why: "the principal's one role is not, and does not include, what is needed"},
			}}},
		},
		"every condition of a grant": {
			method: "Every", who: "editor",
			want: []event.GrantOutcome{{Grant: "allow[0]", Conditions: []event.ConditionOutcome{
				{Condition: "any_role editor", Held: true, Why: `the principal has role "editor"`},
				{Condition: "all_scopes items.write", Why: "the principal lacks items.write"},
				{Condition: "cel principal.id == request.owner", Why: `principal.id is "editor", request.owner is "another"`},
			}}},
		},
		"every grant": {
			method: "Several", who: "reader",
			want: []event.GrantOutcome{
				{Grant: "allow[0]", Conditions: []event.ConditionOutcome{{Condition: "any_role owner", Why: "the principal has no role"}}},
				{Grant: "allow[1]", Conditions: []event.ConditionOutcome{{Condition: "all_scopes items.admin", Why: "the principal lacks items.admin"}}},
				{Grant: "allow[2]", Conditions: []event.ConditionOutcome{
					{Condition: "cel principal.id == request.owner", Why: `principal.id is "reader", request.owner is "another"`},
				}},
			},
			scopes: []string{"items.admin"},
		},
		"a check that was not asked": {
			method: "Checked", who: "robot",
			want: []event.GrantOutcome{
				{Grant: "allow[0]", Conditions: []event.ConditionOutcome{
					{Condition: "any_role viewer", Why: "the principal's one role is not, and does not include, what is needed"},
					{Condition: "check is_open", Why: "it was not asked, as the grant needs more that does not hold"},
				}},
				{Grant: "allow[1]", Conditions: []event.ConditionOutcome{{Condition: "any_role owner", Why: "the principal's one role is not, and does not include, what is needed"}}},
			},
		},
		"a check that said no": {
			method: "Checked", who: "viewer",
			want: []event.GrantOutcome{
				{Grant: "allow[0]", Conditions: []event.ConditionOutcome{
					{Condition: "any_role viewer", Held: true, Why: `the principal has role "viewer"`},
					{Condition: "check is_open", Why: "it said no, or could not say"},
				}},
				{Grant: "allow[1]", Conditions: []event.ConditionOutcome{{Condition: "any_role owner", Why: "the principal's one role is not, and does not include, what is needed"}}},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newMayFixture(t)
			o.capturingHandlers.isOpen = func(context.Context, *authn.Principal, *testv1.Request) (bool, error) { return false, nil }
			principal := o.signIn(t, test.who)
			got := o.registry.May(t.Context(), principal, action.Question{
				Procedure: unary(test.method),
				Request:   &testv1.Request{Owner: "another", Secret: planted},
			})
			if diff := cmp.Diff(test.want, got.Grants); diff != "" {
				t.Errorf("explanation (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.scopes, got.MissingScopes); diff != "" {
				t.Errorf("missing scopes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnAllowIsNotExplained(t *testing.T) {
	t.Parallel()
	o := newMayFixture(t)
	got := o.registry.May(t.Context(), o.signIn(t, "owner"), action.Question{Procedure: unary("Several"), Request: &testv1.Request{Owner: "x"}})
	if got.Outcome != event.Allow || got.Grants != nil || got.Grant != "allow[0]" {
		t.Errorf("got %+v", got)
	}
}

// What a denial's record shows does not reach the caller, and what it does not show
// is not in the record either.
func TestTheExplanationIsForOperatorsAlone(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := newFixture(t, action.WithRecorder(event.LogRecorder(slog.New(slog.NewTextHandler(&log, nil)))))
	client := h.ways[len(h.ways)-1].client
	ctx, info := connect.NewClientContext(t.Context())
	info.RequestHeader().Set("Authorization", as("session", "reader"))
	err := client.CallUnary(ctx, h.specs[unary("Several")], &testv1.Request{Owner: "some\nbody", Secret: planted}, &testv1.Response{})
	if connect.CodeOf(err) != connect.CodePermissionDenied {
		t.Fatalf("got %v", err)
	}
	if text := err.Error(); strings.Contains(text, "items") || strings.Contains(text, "some") || strings.Contains(text, "allow[") {
		t.Errorf("the caller was told of the rule: %s", text)
	}
	for _, want := range []string{`allow[1]: all_scopes items.admin`, `request.owner is`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the record lacks %q:\n%s", want, log.String())
		}
	}
	if strings.Contains(log.String(), planted) || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("the record shows a secret, or breaks its line:\n%s", log.String())
	}
}
