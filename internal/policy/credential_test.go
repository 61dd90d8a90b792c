package policy

import (
	"slices"
	"testing"

	"github.com/sallyport-rpc/sallyport/authn"
)

// A scoped credential needs every scope that the action names for it; where it names
// none, no scoped credential is taken, also by an action for every caller.
func TestSufficient(t *testing.T) {
	t.Parallel()
	names, none := New(declared(t, `anyone: "x" credential_scopes: ["a", "b"]`), nil), New(declared(t, `anyone: "x"`), nil)
	for name, test := range map[string]struct {
		policy  *Policy
		details authn.Details
		want    bool
		missing []string
	}{
		"every scope":                {names, authn.Details{Scopes: []string{"b", "a"}}, true, nil},
		"one of two":                 {names, authn.Details{Scopes: []string{"a"}}, false, []string{"b"}},
		"unscoped":                   {names, authn.Details{Unscoped: true}, true, nil},
		"every scope, none is named": {none, authn.Details{Scopes: []string{"a", "b"}}, false, nil},
		"unscoped, none is named":    {none, authn.Details{Unscoped: true}, true, nil},
		"no policy":                  {nil, authn.Details{Scopes: []string{"a"}}, false, nil},
	} {
		principal := authn.NewPrincipal("alice", test.details)
		decision, err := test.policy.Decide(t.Context(), Input{Principal: principal, Now: noon})
		if err != nil || decision.Allowed != test.want || test.policy.Sufficient(principal) != test.want {
			t.Errorf("%s: %+v, %v", name, decision, err)
		}
		if missing := test.policy.MissingCredentialScopes(principal); !slices.Equal(missing, test.missing) {
			t.Errorf("%s: misses %q", name, missing)
		}
	}
}
