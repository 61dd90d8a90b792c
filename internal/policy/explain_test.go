package policy

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	const none = "the principal's one role is not, and does not include, what is needed"
	for name, test := range map[string]struct {
		authorize string
		who       authn.Details
		request   string // "" is no request
		want      []ConditionOutcome
		missing   []string
	}{
		"a role that is held":       {`allow: {any_role: "member"}`, authn.Details{Unscoped: true, Roles: []string{"x", "admin"}}, `owner: "b"`, []ConditionOutcome{{"any_role member", true, `the principal has role "admin"`}}, nil},
		"no role":                   {`allow: {any_role: "member"}`, authn.Details{Unscoped: true}, `owner: "b"`, []ConditionOutcome{{"any_role member", false, "the principal has no role"}}, nil},
		"another role":              {`allow: {any_role: "admin"}`, authn.Details{Unscoped: true, Roles: []string{"member"}}, `owner: "b"`, []ConditionOutcome{{"any_role admin", false, none}}, nil},
		"other roles":               {`allow: {any_role: "admin"}`, authn.Details{Unscoped: true, Roles: []string{"x", "y"}}, `owner: "b"`, []ConditionOutcome{{"any_role admin", false, "none of the principal's 2 roles is, or includes, what is needed"}}, nil},
		"scopes":                    {`allow: {all_scopes: ["a", "b", "c"]}`, authn.Details{Unscoped: true, Scopes: []string{"b"}}, `owner: "b"`, []ConditionOutcome{{"all_scopes a, b, c", false, "the principal lacks a, c"}}, []string{"a", "c"}},
		"scopes, with nothing read": {`allow: {all_scopes: "a"}`, authn.Details{Unscoped: true}, ``, []ConditionOutcome{{"all_scopes a", false, "the principal lacks a"}}, []string{"a"}},
		"scopes and more": {`allow: {any_role: "admin" all_scopes: "a"}`, authn.Details{Unscoped: true}, `owner: "b"`, []ConditionOutcome{
			{"any_role admin", false, "the principal has no role"}, {"all_scopes a", false, "the principal lacks a"},
		}, nil},
		"scopes alone of more": {`allow: {any_role: "admin" all_scopes: "a"}`, authn.Details{Unscoped: true, Roles: []string{"admin"}}, `owner: "b"`, []ConditionOutcome{
			{"any_role admin", true, `the principal has role "admin"`}, {"all_scopes a", false, "the principal lacks a"},
		}, []string{"a"}},
		"scopes that are held": {`allow: {any_role: "admin" all_scopes: ["a", "b"]}`, authn.Details{Unscoped: true, Scopes: []string{"b", "a"}}, `owner: "b"`, []ConditionOutcome{
			{"any_role admin", false, "the principal has no role"}, {"all_scopes a, b", true, "the principal has what is needed"},
		}, nil},
		"scopes alone of more, with nothing read": {`allow: {any_role: "admin" all_scopes: "a"}`, authn.Details{Unscoped: true, Roles: []string{"admin"}}, ``, []ConditionOutcome{
			{"any_role admin", true, `the principal has role "admin"`}, {"all_scopes a", false, "the principal lacks a"},
		}, []string{"a"}},
		"scopes alone beside an expression": {`allow: {all_scopes: "a" cel: "principal.id == request.owner"}`, authn.Details{Unscoped: true}, `owner: "alice"`, []ConditionOutcome{
			{"all_scopes a", false, "the principal lacks a"}, {"cel principal.id == request.owner", true, `principal.id is "alice", request.owner is "alice"`},
		}, []string{"a"}},
		"scopes before what could hold without being read": {`allow: {all_scopes: "a" cel: "principal.id == 'alice' || principal.id == request.owner"}`, authn.Details{Unscoped: true}, ``, []ConditionOutcome{
			{"all_scopes a", false, "the principal lacks a"}, {"cel principal.id == 'alice' || principal.id == request.owner", false, "there was no request to read"},
		}, nil},
		"scopes before a check": {`allow: {all_scopes: "a" check: "ok"}`, authn.Details{Unscoped: true}, `owner: "b"`, []ConditionOutcome{
			{"all_scopes a", false, "the principal lacks a"}, {"check ok", false, "it was not asked, as the grant needs more that does not hold"},
		}, nil},
		"scopes before what is not read": {`allow: {all_scopes: "a" cel: "principal.id == request.owner"}`, authn.Details{Unscoped: true}, ``, []ConditionOutcome{
			{"all_scopes a", false, "the principal lacks a"}, {"cel principal.id == request.owner", false, "there was no request to read"},
		}, nil},
		"a check":                     {`allow: {check: "ok"}`, authn.Details{Unscoped: true}, `owner: "b"`, []ConditionOutcome{{"check ok", false, "it said no, or could not say"}}, nil},
		"an expression":               {`allow: {cel: "principal.id == request.owner && request.inner.text == 'x'"}`, authn.Details{Unscoped: true}, `owner: "b" inner {text: "t"}`, []ConditionOutcome{{"cel principal.id == request.owner && request.inner.text == 'x'", false, `principal.id is "alice", request.owner is "b", request.inner.text is "t"`}}, nil},
		"a named condition":           {`allow: {when: "own"}`, authn.Details{Unscoped: true}, `owner: "b"`, []ConditionOutcome{{"when own (principal.id == request.owner)", false, `principal.id is "alice", request.owner is "b"`}}, nil},
		"redacted values":             {`allow: {cel: "request.secret == 'x' || request.hidden.text == 'x' || request.inner.secret == 'x'"}`, authn.Details{Unscoped: true}, `owner: "b" secret: "planted" hidden {text: "planted"} inner {secret: "planted"}`, []ConditionOutcome{{"cel request.secret == 'x' || request.hidden.text == 'x' || request.inner.secret == 'x'", false, `request.secret is [redacted], request.hidden.text is [redacted], request.inner.secret is [redacted]`}}, nil},
		"lists":                       {`allow: {cel: "'x' in request.tags || 'member' in principal.roles || request.inners.exists(i, i.text == 'x')"}`, authn.Details{Unscoped: true, Roles: []string{"a", "b"}}, `owner: "b" tags: "a" inners {} inners {}`, []ConditionOutcome{{"cel 'x' in request.tags || 'member' in principal.roles || request.inners.exists(i, i.text == 'x')", false, `request.tags is a list of 1, principal.roles is a list of 2, request.inners is a list of 2`}}, nil},
		"a message that is not there": {`allow: {cel: "request.inner.text != 'x'"}`, authn.Details{Unscoped: true}, `owner: "b"`, []ConditionOutcome{{"cel request.inner.text != 'x'", false, `request.inner is not set`}}, nil},
		"a value that is not there":   {`allow: {cel: "principal.claims.facts['team'] == 'x'"}`, authn.Details{Unscoped: true}, `owner: "b" secret: "planted"`, []ConditionOutcome{{"cel principal.claims.facts['team'] == 'x'", false, `principal.claims.facts is a map of 0, principal.claims.facts["team"] is not set`}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			declaration := declared(t, test.authorize)
			asked := 0
			policy := New(declaration, map[string]CheckFunc{"ok": func(context.Context, *authn.Principal, proto.Message) (bool, error) {
				asked++
				return true, nil
			}})
			input := Input{Principal: alice(test.who), Now: noon}
			if test.request != "" {
				input.Request = request(t, declaration.Method.Input(), test.request)
			}
			want := []GrantOutcome{{Grant: "allow[0]", Conditions: test.want}}
			if diff := cmp.Diff(want, policy.Explain(t.Context(), input)); diff != "" {
				t.Errorf("explanation (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.missing, policy.MissingScopes(t.Context(), input)); diff != "" {
				t.Errorf("missing scopes (-want +got):\n%s", diff)
			}
			if asked > 0 {
				t.Error("the check was asked again")
			}
		})
	}
}

// Without a principal no condition holds, and its explanation says so.
func TestExplainWithoutPrincipal(t *testing.T) {
	t.Parallel()
	declaration := declared(t, `allow: {any_role: "member" when: "own"}`)
	input := Input{Now: noon, Request: request(t, declaration.Method.Input(), `owner: "b"`)}
	const why = "there was no principal"
	want := []GrantOutcome{{Grant: "allow[0]", Conditions: []ConditionOutcome{
		{"any_role member", false, why}, {"when own (principal.id == request.owner)", false, why},
	}}}
	if diff := cmp.Diff(want, New(declaration, nil).Explain(t.Context(), input)); diff != "" {
		t.Errorf("explanation (-want +got):\n%s", diff)
	}
}

// What the action is about is not shown: it is another's, more often than not.
func TestExplainAboutAnObject(t *testing.T) {
	t.Parallel()
	const rule = "principal.id == resource.owner && request.open"
	declaration := declared(t, `allow: {cel: "`+rule+`"}} resource: {type: "policy.v1.Thing" key: "request.owner"`)
	input := Input{Principal: alice(authn.Details{}), Now: noon, Request: request(t, declaration.Method.Input(), `owner: "x" open: true`)}
	for name, test := range map[string]struct {
		object string // "" is none
		want   ConditionOutcome
	}{
		"another's":  {`owner: "planted"`, ConditionOutcome{"cel " + rule, false, `principal.id is "alice", resource.owner is not shown, request.open is true`}},
		"one's own":  {`owner: "alice"`, ConditionOutcome{"cel " + rule, true, `principal.id is "alice", resource.owner is not shown, request.open is true`}},
		"none there": {"", ConditionOutcome{"cel " + rule, false, "there was no resource to read"}},
	} {
		input := input
		if test.object != "" {
			input.Resource = request(t, declaration.Resource.Type, test.object)
		}
		want := []GrantOutcome{{Grant: "allow[0]", Conditions: []ConditionOutcome{test.want}}}
		if diff := cmp.Diff(want, New(declaration, nil).Explain(t.Context(), input)); diff != "" {
			t.Errorf("%s: explanation (-want +got):\n%s", name, diff)
		}
	}
}

func TestMissingScopesOfTheFirstGrantThatLacksNothingElse(t *testing.T) {
	t.Parallel()
	policy := New(declared(t, `allow: {any_role: "admin" all_scopes: "a"} allow: {all_scopes: ["b", "c"]} allow: {all_scopes: "d"}`), nil)
	input := Input{Principal: alice(authn.Details{Unscoped: true, Scopes: []string{"c"}}), Now: noon}
	if diff := cmp.Diff([]string{"b"}, policy.MissingScopes(t.Context(), input)); diff != "" {
		t.Error(diff)
	}
	if got := New(declared(t, `anyone: "all may"`), nil).MissingScopes(t.Context(), input); got != nil {
		t.Errorf("anyone may, and yet %q would help", got)
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	got := Summary([]GrantOutcome{
		{Grant: "allow[0]", Conditions: []ConditionOutcome{{"any_role admin", false, "no role"}, {"all_scopes a", true, "held"}}},
		{Grant: "allow[1]", Conditions: []ConditionOutcome{{"check ok", false, "no"}}},
	})
	if want := "allow[0]: any_role admin: no role; allow[1]: check ok: no"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
