package authn_test

import (
	"slices"
	"testing"

	"github.com/sallyport-rpc/sallyport/authn"
)

// Two credentials of one principal carry what both carry.
func TestLimitedBy(t *testing.T) {
	t.Parallel()
	unscoped := func(scopes ...string) *authn.Principal {
		return authn.NewPrincipal("ada", authn.Details{Unscoped: true, Scopes: scopes})
	}
	scoped := func(scopes ...string) *authn.Principal {
		return authn.NewPrincipal("ada", authn.Details{Scopes: scopes})
	}
	tests := map[string]struct {
		first, second   *authn.Principal
		scoped          bool
		carried, scopes []string
	}{
		"both unscoped":              {unscoped("a"), unscoped("b"), false, nil, []string{"a"}},
		"unscoped, then scoped":      {unscoped("a"), scoped("a", "b"), true, []string{"a", "b"}, []string{"a"}},
		"scoped, then unscoped":      {scoped("a", "b"), unscoped("a"), true, []string{"a", "b"}, []string{"a", "b"}},
		"both scoped":                {scoped("a", "b"), scoped("b", "c"), true, []string{"b"}, []string{"b"}},
		"nothing in common":          {scoped("a"), scoped("b"), true, nil, nil},
		"scoped, without any scope":  {unscoped("a"), scoped(), true, nil, nil},
		"the zero principal, beside": {unscoped("a"), &authn.Principal{}, true, nil, nil},
	}
	for name, test := range tests {
		got := test.first.WithScheme("session").LimitedBy(test.second)
		if got.Scoped() != test.scoped || !slices.Equal(got.CarriedScopes(), test.carried) || !slices.Equal(got.Scopes(), test.scopes) {
			t.Errorf("%s: scoped %t, carries %q, scopes %q", name, got.Scoped(), got.CarriedScopes(), got.Scopes())
		}
		if got.CredentialCarries("a") != (!test.scoped || slices.Contains(test.carried, "a")) {
			t.Errorf("%s: carries a: %t", name, got.CredentialCarries("a"))
		}
		if got.ID() != "ada" || got.Scheme() != "session" || got.WithScheme("other").Scoped() != test.scoped {
			t.Errorf("%s: %s by %s", name, got.ID(), got.Scheme())
		}
	}
	if zero := (&authn.Principal{}); !zero.Scoped() || zero.CredentialCarries("a") || zero.CredentialCarries("") {
		t.Error("the zero principal carries something")
	}
}
