package policy

import (
	"context"
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/declare"
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
		"no":           {answer: func() (bool, error) { return false, nil }, owner: "secret", want: "request.owner: the relation engine said no$"},
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
			if !strings.Contains(got, "relation editor of thing request.owner: ") || !strings.Contains(got+"$", test.want) || strings.Contains(got, "secret") {
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

// An error of the engine, and one that keeps it from being asked, is told and lets no caller
// in.
func TestRelationErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	policy, input := relating(t, ownerGrant, func(context.Context, relation.Query) (bool, error) { return true, broken })
	if decision, err := policy.Decide(t.Context(), input); decision.Allowed || !errors.Is(err, broken) {
		t.Errorf("the engine's is %v, %v", decision, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	policy, input = relating(t, ownerGrant, func(context.Context, relation.Query) (bool, error) { return true, nil })
	if decision, err := policy.Decide(ended, input); decision.Allowed || !errors.Is(err, context.Canceled) {
		t.Errorf("that of a call that ended is %v, %v", decision, err)
	}
	if got := Summary(policy.Explain(ended, input)); !strings.Contains(got, context.Canceled.Error()) {
		t.Errorf("explained as %q", got)
	}
}

// An allow is explained by what the engine said.
func TestExplainRelationHeld(t *testing.T) {
	t.Parallel()
	policy, input := relating(t, ownerGrant, func(context.Context, relation.Query) (bool, error) { return true, nil })
	if decision, err := policy.Decide(t.Context(), input); !decision.Allowed || err != nil {
		t.Fatalf("%v, %v", decision, err)
	}
	got := policy.Explain(t.Context(), input)[0].Conditions[0]
	if !got.Held || got.Why != "the relation engine said yes" {
		t.Errorf("explained as %+v", got)
	}
}

// A relation to the resource is explained by that where there is none.
func TestRelationToResource(t *testing.T) {
	t.Parallel()
	const grant = `allow: {relation: {name: "editor" object: "thing" id: "resource.owner"}}} resource: {type: "policy.v1.Thing" key: "request.owner"`
	policy, input := relating(t, grant, func(_ context.Context, query relation.Query) (bool, error) { return query.ID == "x", nil })
	if got := Summary(policy.Explain(t.Context(), input)); !strings.HasSuffix(got, noResource) {
		t.Errorf("explained as %q", got)
	}
	if !policy.MayHold(t.Context(), input) || !policy.ReadsResource() {
		t.Error("no resource makes it hold")
	}
	for owner, want := range map[string]bool{"x": true, "y": false, "": false} {
		input.Resource = request(t, declared(t, grant).Resource.Type, `owner: "`+owner+`"`)
		if decision, err := policy.Decide(t.Context(), input); decision.Allowed != want || err != nil {
			t.Errorf("of %q: %v, %v", owner, decision, err)
		}
	}
}

// A relation that was not read to its end, or has no id, is never asked.
func TestRelationUnasked(t *testing.T) {
	t.Parallel()
	read := declared(t, ownerGrant).Grants[0].Conditions[0].(declare.Relation)
	ask := Deciders{Relations: func(context.Context, relation.Query) (bool, error) { return true, nil }}
	if _, ok := newRelated(read, ask); !ok {
		t.Error("a whole one is not asked")
	}
	// Nor is one without an id, even where its expression holds.
	usable := read
	usable.Usable = about(t, itemType(t), `principal.id != ""`).(declare.CEL).Expression
	made, _ := newRelated(usable, Deciders{Relations: func(_ context.Context, query relation.Query) (bool, error) {
		if query.ID == "" {
			t.Error("it is asked of no id")
		}
		return true, nil
	}})
	for _, of := range []struct {
		input Input
		want  bool
	}{{Input{}, false}, {Input{Request: request(t, itemType(t), ``)}, false}, {Input{Request: request(t, itemType(t), `owner: "x"`)}, true}} {
		of.input.Principal, of.input.Now = alice(authn.Details{}), noon
		if holds, err := made.holds(t.Context(), of.input); holds != of.want || err != nil {
			t.Errorf("with the request %v it holds: %t, %v", of.input.Request, holds, err)
		}
	}
	unusable, nowhere := read, read
	unusable.Usable, nowhere.Path = nil, nil
	for _, of := range []declare.Relation{unusable, nowhere} {
		if _, ok := newRelated(of, ask); ok {
			t.Errorf("%+v is asked", of)
		}
	}
}
