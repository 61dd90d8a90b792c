package policy

import (
	"testing"

	"github.com/sallyport-rpc/sallyport/authn"
)

// A grant is left to a principal that lacks no role and no scope of it; what else the
// grant needs is decided by calls.
func TestLeaves(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		authorize string
		details   authn.Details
		want      bool
	}{
		"anyone":                  {`anyone: "all may"`, authn.Details{}, true},
		"the role":                {`allow: {any_role: "member"}`, authn.Details{Roles: []string{"member"}}, true},
		"a role that includes it": {`allow: {any_role: "member"}`, authn.Details{Roles: []string{"admin"}}, true},
		"no role":                 {`allow: {any_role: "member"}`, authn.Details{}, false},
		"the scope":               {`allow: {all_scopes: "a"}`, authn.Details{Scopes: []string{"a"}}, true},
		"another scope":           {`allow: {all_scopes: "a"}`, authn.Details{Scopes: []string{"b"}}, false},
		"the role, not the scope": {`allow: {any_role: "member" all_scopes: "a"}`, authn.Details{Roles: []string{"member"}}, false},
		"the second grant":        {`allow: {any_role: "admin"} allow: {all_scopes: "a"}`, authn.Details{Scopes: []string{"a"}}, true},
		"an expression":           {`allow: {when: "own"}`, authn.Details{}, true},
		"a role and an expression that may hold": {
			`allow: {any_role: "member" when: "own"}`, authn.Details{Roles: []string{"member"}}, true,
		},
		"no role beside an expression": {`allow: {any_role: "member" when: "own"}`, authn.Details{}, false},
	} {
		policy := New(declared(t, test.authorize), nil)
		if got := policy.Leaves(alice(test.details)); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
		if policy.Leaves(nil) {
			t.Errorf("%s: something is left without a principal", name)
		}
	}
}
