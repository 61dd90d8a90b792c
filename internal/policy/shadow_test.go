package policy

import (
	"context"
	"errors"
	"testing"

	"github.com/sallyport-rpc/sallyport/authn"
)

// A shadow is decided without asking a check, and is undecided where that would decide.
func TestSuppose(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		shadow           string
		nothing          bool // there is no request
		allowed, decided bool
	}{
		"a grant that holds":           {`allow: {any_role: "member"}`, false, true, true},
		"one that does not":            {`allow: {any_role: "admin"}`, false, false, true},
		"a check alone":                {`allow: {check: "ok"}`, false, false, false},
		"a check beside what holds":    {`allow: {any_role: "member" check: "ok"}`, false, false, false},
		"a check beside what does not": {`allow: {any_role: "admin" check: "ok"}`, false, false, true},
		"a check, then what holds":     {`allow: {check: "ok"} allow: {any_role: "member"}`, false, true, true},
		"a check, of no request":       {`allow: {check: "ok"}`, true, false, true},
		"an expression of no request":  {`allow: {cel: "request.open && principal.id == 'alice'"}`, true, false, true},
		"an expression":                {`allow: {cel: "request.open && principal.id == 'alice'"}`, false, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			declaration := declared(t, `anyone: "x" shadow: {`+test.shadow+`}`)
			policy := NewShadow(declaration)
			input := Input{Principal: alice(authn.Details{Unscoped: true, Roles: []string{"member"}}), Now: noon}
			if !test.nothing {
				input.Request = request(t, declaration.Method.Input(), filled)
			}
			allowed, decided, err := policy.Suppose(t.Context(), input)
			if err != nil || allowed != test.allowed || decided != test.decided {
				t.Errorf("got %t, %t, %v, want %t, %t", allowed, decided, err, test.allowed, test.decided)
			}
			if decision, err := New(declaration, nil).Decide(t.Context(), input); err != nil || !decision.Allowed || decision.Place != AnyonePlace {
				t.Errorf("the shadow changes the decision in force: %+v, %v", decision, err)
			}
		})
	}
	if NewShadow(declared(t, `allow: {any_role: "admin"}`)) != nil {
		t.Error("there is a shadow where none is declared")
	}
	if allowed, decided, err := (*Policy)(nil).Suppose(t.Context(), Input{}); allowed || !decided || err != nil {
		t.Errorf("no policy: %t, %t, %v", allowed, decided, err)
	}
	shadow := NewShadow(declared(t, `anyone: "x" shadow: {allow: {cel: "request.owner.startsWith(principal.id) && principal.id.matches('^a')" accept: {rule: "cel-part" reason: "a test"}}}`))
	if allowed, decided, err := shadow.Suppose(t.Context(), Input{Request: request(t, declared(t, `anyone: "x"`).Method.Input(), filled)}); allowed || !decided || err != nil {
		t.Errorf("no principal: %t, %t, %v", allowed, decided, err)
	}
	asks := NewShadow(declared(t, `anyone: "x" shadow: {allow: {check: "ok"}}`))
	if allowed, decided, err := asks.Suppose(t.Context(), Input{Request: request(t, declared(t, `anyone: "x"`).Method.Input(), filled)}); allowed || !decided || err != nil {
		t.Errorf("a check, and no principal: %t, %t, %v", allowed, decided, err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	input := Input{Principal: alice(authn.Details{Unscoped: true}), Request: request(t, declared(t, `anyone: "x"`).Method.Input(), filled), Now: noon}
	if allowed, decided, err := shadow.Suppose(ended, input); allowed || decided || !errors.Is(err, context.Canceled) {
		t.Errorf("a call that was left: %t, %t, %v", allowed, decided, err)
	}
}

// What the action is about is loaded for a shadow where it is read, and only there.
func TestReadsResource(t *testing.T) {
	t.Parallel()
	const about = `} resource: {type: "policy.v1.Thing" key: "request.owner"`
	for authorize, want := range map[string]bool{
		`allow: {any_role: "member"}`: false,
		`allow: {any_role: "member" cel: "resource.owner == principal.id"}` + about:                             true,
		`allow: {cel: "request.open"} allow: {any_role: "admin" cel: "resource.owner == principal.id"}` + about: true,
	} {
		if got := New(declared(t, authorize), nil).ReadsResource(); got != want {
			t.Errorf("%s: %t, want %t", authorize, got, want)
		}
	}
	if (*Policy)(nil).ReadsResource() {
		t.Error("no policy reads it")
	}
}
