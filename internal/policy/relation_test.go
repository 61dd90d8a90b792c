package policy

import (
	"context"
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/relation"
)

const ownerGrant = `allow: {relation: {name: "editor" object: "thing" id: "request.owner"}}`

func relating(t *testing.T, authorize string, ask RelationFunc) (*Policy, Input) {
	t.Helper()
	declaration := declared(t, authorize)
	input := Input{Principal: alice(authn.Details{Roles: []string{"member"}}), Now: noon, Request: request(t, declaration.Method.Input(), `owner: "x"`), Answers: map[string]bool{}}
	return NewRelating(declaration, nil, ask), input
}

// What decides no relation lets no caller in.
func TestRelationWithoutEngine(t *testing.T) {
	t.Parallel()
	policy, input := relating(t, ownerGrant, nil)
	if decision, err := policy.Decide(t.Context(), input); decision.Allowed || err == nil {
		t.Errorf("without an engine: %v, %v", decision, err)
	}
	if policy.Relates() {
		t.Error("it says that it asks an engine")
	}
}

// An explanation says what the engine said, and shows no id. A check before it that said yes
// is no reason.
func TestExplainRelation(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer func() (bool, error)
		owner  string
		closed bool
		want   string
	}{
		"no":           {answer: func() (bool, error) { return false, nil }, owner: "secret", want: "the relation engine said no"},
		"not certain":  {answer: func() (bool, error) { return false, errors.New("broken") }, owner: "secret", want: "said no, or could not say"},
		"no id":        {owner: "", want: "the relation engine was not asked"},
		"not an id":    {owner: "secret*", want: "the relation engine was not asked"},
		"a check said": {owner: "secret", closed: true, want: "was not asked, as the grant needs more"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			declaration := declared(t, `allow: {check: "ok" relation: {name: "editor" object: "thing" id: "request.owner"}}`)
			checks := map[string]CheckFunc{"ok": func(context.Context, *authn.Principal, proto.Message) (bool, error) { return !test.closed, nil }}
			policy := NewRelating(declaration, checks, func(context.Context, relation.Query) (bool, error) { return test.answer() })
			input := Input{Principal: alice(authn.Details{Roles: []string{"member"}}), Now: noon, Request: request(t, declaration.Method.Input(), `owner: "`+test.owner+`"`), Answers: map[string]bool{}}
			if decision, _ := policy.Decide(t.Context(), input); decision.Allowed {
				t.Fatal("it was let in")
			}
			got := Summary(policy.Explain(t.Context(), input))
			if !strings.Contains(got, "relation editor of thing request.owner: ") || !strings.Contains(got, test.want) || strings.Contains(got, "secret") {
				t.Errorf("explained as %q, want %q", got, test.want)
			}
			if strings.Contains(got, "check ok: ") != test.closed {
				t.Errorf("explained as %q, and the check said %t", got, !test.closed)
			}
		})
	}
}

// An event's values have the answer by the relation's text, and nothing by the ids.
func TestValuesOfRelation(t *testing.T) {
	t.Parallel()
	policy, input := relating(t, ownerGrant, func(context.Context, relation.Query) (bool, error) { return true, nil })
	if decision, err := policy.Decide(t.Context(), input); !decision.Allowed || err != nil {
		t.Fatalf("%v, %v", decision, err)
	}
	values := policy.Values(input)
	if !values.Answers["relation editor of thing request.owner"] || len(values.Answers) != 1 || len(values.Incomplete) != 0 {
		t.Errorf("the values are %v, without %v", values.Answers, values.Incomplete)
	}
	if !policy.Relates() {
		t.Error("it says that it asks no engine")
	}
}

// A relation is not asked by what only supposes, and may hold where its ids can be ids.
func TestRelationIsNotAsked(t *testing.T) {
	t.Parallel()
	policy, input := relating(t, ownerGrant, func(context.Context, relation.Query) (bool, error) {
		t.Error("the engine was asked")
		return true, nil
	})
	if !policy.MayHold(t.Context(), input) {
		t.Error("it may not hold")
	}
	input.Request.ProtoReflect().Clear(input.Request.ProtoReflect().Descriptor().Fields().ByName("owner"))
	if policy.MayHold(t.Context(), input) {
		t.Error("it may hold without an id")
	}
	if missing := policy.MissingScopes(t.Context(), input); missing != nil {
		t.Errorf("scopes are missing: %v", missing)
	}
}
