package authn_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/authn"
)

// A principal has the roles that its own include once a gate has given it a hierarchy.
func TestHas(t *testing.T) {
	t.Parallel()
	hierarchy := authn.NewHierarchy(map[string][]string{
		"owner": {"admin"}, "admin": {"member", "auditor"}, "member": {"guest"}, "guest": nil,
	})
	for name, test := range map[string]struct {
		roles     []string
		hierarchy *authn.Hierarchy
		has       []string
		hasNot    []string
	}{
		"through others":    {[]string{"owner"}, hierarchy, []string{"owner", "admin", "member", "auditor", "guest"}, []string{"", "ghost"}},
		"not the other way": {[]string{"member"}, hierarchy, []string{"member", "guest"}, []string{"admin", "owner", "auditor"}},
		"of several":        {[]string{"guest", "auditor"}, hierarchy, []string{"guest", "auditor"}, []string{"member"}},
		"an unknown role":   {[]string{"ghost"}, hierarchy, []string{"ghost"}, []string{"guest"}},
		"no role":           {nil, hierarchy, nil, []string{"guest", ""}},
		"an empty name":     {[]string{"", "guest"}, hierarchy, []string{"guest"}, []string{""}},
		"no hierarchy":      {[]string{"owner"}, nil, []string{"owner"}, []string{"admin", "guest"}},
		"an empty one":      {[]string{"owner"}, authn.NewHierarchy(nil), []string{"owner"}, []string{"admin"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			principal := authn.NewPrincipal("ada", authn.Details{Roles: test.roles}).Bound("session", test.hierarchy)
			for _, role := range test.has {
				if !principal.Has(role) {
					t.Errorf("it does not have %q", role)
				}
			}
			for _, role := range test.hasNot {
				if principal.Has(role) {
					t.Errorf("it has %q", role)
				}
			}
			if diff := cmp.Diff(test.has, principal.EffectiveRoles()); diff != "" {
				t.Error(diff)
			}
			if got := principal.IsBound(); got != (test.hierarchy != nil) {
				t.Errorf("IsBound = %t", got)
			}
		})
	}
}

// What a principal is bound to is remembered, and not mistaken for another hierarchy
// or scheme.
func TestBound(t *testing.T) {
	t.Parallel()
	one := authn.NewHierarchy(map[string][]string{"admin": {"member"}})
	other := authn.NewHierarchy(map[string][]string{"admin": {"guest"}})
	principal := authn.NewPrincipal("ada", authn.Details{Roles: []string{"admin"}})
	first := principal.Bound("session", one)
	if principal.Bound("session", one) != first || first.Bound("session", one) != first {
		t.Error("it was made anew")
	}
	if second := principal.Bound("session", other); second.Has("member") || !second.Has("guest") {
		t.Error("it has the roles of another hierarchy")
	}
	if again := first.WithScheme("bearer"); !again.Has("member") || again.Scheme() != "bearer" {
		t.Error("with another scheme it lost its hierarchy")
	}
	if principal.Has("member") {
		t.Error("the principal itself was changed")
	}
}

func TestHasAllocatesNothing(t *testing.T) {
	principal := authn.NewPrincipal("ada", authn.Details{Roles: []string{"admin"}}).Bound("session", authn.NewHierarchy(map[string][]string{"admin": {"member"}}))
	if got := testing.AllocsPerRun(100, func() { principal.Has("member"); principal.Has("none") }); got != 0 {
		t.Errorf("Has allocates %v times", got)
	}
}
