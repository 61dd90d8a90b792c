package bearer_test

import (
	"context"
	"testing"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/bearer"
)

// A token with a claim of scopes is a scoped credential, also where the claim names none and
// where the identity function drops it. Two options say it of all tokens.
func TestScopedTokens(t *testing.T) {
	t.Parallel()
	clock, key := newClock(), es256("k1")
	issuer := newProvider(t, key.public())
	generous := bearer.WithIdentity(func(context.Context, *bearer.Token) (string, authn.Details, error) {
		return "ada", authn.Details{Unscoped: true}, nil
	})
	options := map[string]bearer.Option{"always": bearer.WithScopedTokens(), "never": bearer.UnsafeWithUnscopedTokens()}
	for name, test := range map[string]struct {
		claims fields
		scoped bool // by default
	}{
		"without a word of scopes": {fields{"scope": absent}, false},
		"scope":                    {fields{"scope": "a"}, true},
		"an empty scope":           {fields{"scope": ""}, true},
		"a scope that is null":     {fields{"scope": nil}, true},
		"scp":                      {fields{"scope": absent, "scp": []string{"a"}}, true},
		"an empty scp":             {fields{"scope": absent, "scp": []string{}}, true},
		"scopes, misspelt":         {fields{"scope": absent, "Scope": "a"}, false},
	} {
		token := key.sign(key.goodHeader().json(), goodClaims(issuer.URL, clock.Now()).with(test.claims).json())
		for mode, scoped := range map[string]bool{"": test.scoped, "always": true, "never": false} {
			chosen := []bearer.Option{bearer.WithClock(clock.Now), generous}
			if mode != "" {
				chosen = append(chosen, options[mode])
			}
			principal, err := trusted(t, issuer, chosen...).Verify(t.Context(), token)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if principal.Scoped() != scoped {
				t.Errorf("%s, %s: scoped %t", name, mode, principal.Scoped())
			}
		}
	}
	if _, err := bearer.New("https://id.example.com", "api", bearer.Discovery(), options["always"], options["never"]); err == nil {
		t.Error("tokens are both scoped and unscoped")
	}
}
