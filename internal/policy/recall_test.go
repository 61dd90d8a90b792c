package policy

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// What is known decides a call, or it is not decided and says what it lacks.
func TestRecall(t *testing.T) {
	t.Parallel()
	const own, open = `allow: {cel: "principal.id == request.owner"}`, `allow: {cel: "request.open && principal.id == 'alice'"}`
	for name, test := range map[string]struct {
		authorize string
		unknown   []string
		check     bool
		want      Recalled // without its grants
	}{
		"anyone":                       {`anyone: "x"`, []string{"principal.id"}, false, Recalled{Decided: true, Allowed: true, Grant: "anyone"}},
		"all is known, and holds":      {open, nil, false, Recalled{Decided: true, Allowed: true, Grant: "allow[0]"}},
		"all is known, and does not":   {own, nil, false, Recalled{Decided: true}},
		"not known":                    {own, []string{"request.owner"}, false, Recalled{Lacks: []string{"request.owner"}}},
		"not known, and another holds": {own + open, []string{"request.owner"}, false, Recalled{Decided: true, Allowed: true, Grant: "allow[1]"}},
		"not known, and out for more":  {`allow: {any_role: "admin" cel: "principal.id == request.owner"}`, []string{"request.owner"}, false, Recalled{Decided: true}},
		"not known twice": {own + `allow: {cel: "request.owner == 'x' && request.open"}`, []string{"request.owner", "request.open"}, false,
			Recalled{Lacks: []string{"request.owner", "request.open"}}},
		"a check that said yes": {`allow: {check: "ok"}`, nil, true, Recalled{Decided: true, Allowed: true, Grant: "allow[0]"}},
		"a check that said no":  {`allow: {check: "ok"}`, nil, false, Recalled{Decided: true}},
		"a check not asked":     {`allow: {check: "ok"}`, []string{"check ok"}, true, Recalled{Lacks: []string{"check ok"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			declaration := declared(t, test.authorize)
			policy := New(declaration, map[string]CheckFunc{"ok": func(context.Context, *authn.Principal, proto.Message) (bool, error) { return test.check, nil }})
			input := Input{Principal: alice(authn.Details{Unscoped: true, Roles: []string{"member"}}), Request: request(t, declaration.Method.Input(), filled), Now: noon}
			got := policy.Recall(t.Context(), input, func(read string) bool { return !slices.Contains(test.unknown, read) })
			if diff := cmp.Diff(test.want, got, cmpopts.IgnoreFields(Recalled{}, "Grants")); diff != "" {
				t.Errorf("-want +got:\n%s\n%+v", diff, got.Grants)
			}
			decision, err := policy.Decide(t.Context(), input)
			if err != nil || got.Decided && got.Allowed != decision.Allowed {
				t.Errorf("the gate decides otherwise: %+v, %v", decision, err)
			}
		})
	}
	if got := (*Policy)(nil).Recall(t.Context(), Input{}, func(string) bool { return true }); !got.Decided || got.Allowed {
		t.Errorf("no policy: %+v", got)
	}
}

// What is recalled says of each condition what came of it.
func TestRecalledGrants(t *testing.T) {
	t.Parallel()
	declaration := declared(t, `allow: {any_role: "member" cel: "principal.id == request.owner" check: "ok"} allow: {check: "fails"} allow: {any_role: "admin"}`)
	failure := errors.New("the store is down")
	policy := New(declaration, map[string]CheckFunc{
		"ok":    func(context.Context, *authn.Principal, proto.Message) (bool, error) { return true, nil },
		"fails": func(context.Context, *authn.Principal, proto.Message) (bool, error) { return true, failure },
	})
	input := Input{Principal: alice(authn.Details{Unscoped: true, Roles: []string{"member"}}), Request: request(t, declaration.Method.Input(), filled), Now: noon}
	got := policy.Recall(t.Context(), input, func(read string) bool { return read != "request.owner" })
	type said struct {
		held, unknown bool
		why           string
	}
	var all [][]said
	for _, grant := range got.Grants {
		var conditions []said
		for _, of := range grant.Conditions {
			conditions = append(conditions, said{of.Held, of.Unknown, of.Why})
		}
		all = append(all, conditions)
	}
	_, carried := policy.grants[0].conditions[0].explain(t.Context(), input, false)
	_, lacked := policy.grants[2].conditions[0].explain(t.Context(), input, false)
	want := [][]said{
		{{true, false, carried}, {false, true, "it is not known: request.owner"}, {true, false, "it was asked"}},
		{{false, false, failure.Error()}},
		{{false, false, lacked}},
	}
	if diff := cmp.Diff(want, all, cmp.AllowUnexported(said{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got.Grants[1].Grant != "allow[1]" {
		t.Errorf("the second grant is %q", got.Grants[1].Grant)
	}
}

// A grant of no conditions lets no one in.
func TestGrantOfNothing(t *testing.T) {
	t.Parallel()
	declaration := declared(t, `allow: {any_role: "admin"}`)
	declaration.Grants = []declare.Grant{{Name: "nothing"}}
	input := Input{Principal: alice(authn.Details{Unscoped: true, Roles: []string{"admin"}}), Now: noon}
	if got := New(declaration, nil).Recall(t.Context(), input, func(string) bool { return true }); !got.Decided || got.Allowed {
		t.Errorf("recalled: %+v", got)
	}
	declaration.Shadow = declaration.Grants
	if allowed, decided, err := NewShadow(declaration).Suppose(t.Context(), input); allowed || !decided || err != nil {
		t.Errorf("supposed: %t, %t, %v", allowed, decided, err)
	}
}
