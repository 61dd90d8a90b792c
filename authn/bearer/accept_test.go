package bearer_test

import (
	"crypto"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/bearer"
)

func TestPrincipal(t *testing.T) {
	t.Parallel()
	clock, key := newClock(), es256("k1")
	issuer := newProvider(t, key.public())
	authenticator := trusted(t, issuer, bearer.WithClock(clock.Now))
	now := clock.Now()
	claims := goodClaims(issuer.URL, now).with(fields{"auth_time": now.Add(-time.Hour).Unix(), "email": "jane@example.com"})
	principal, err := authenticator.Verify(t.Context(), key.sign(key.goodHeader().json(), claims.json()))
	if err != nil {
		t.Fatal(err)
	}
	if want := issuer.URL + "#jane"; principal.ID() != want {
		t.Errorf("id %s, want %s", principal.ID(), want)
	}
	if diff := cmp.Diff([]string{"users.read", "users.write"}, principal.Scopes()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"admin"}, principal.Roles()); diff != "" {
		t.Error(diff)
	}
	if principal.Claims() != nil {
		t.Error("an attribute that was not asked for")
	}
	if !principal.AuthenticatedAt().Equal(now.Add(-time.Hour)) || !principal.ExpiresAt().Equal(now.Add(5*time.Minute)) {
		t.Errorf("authenticated at %v until %v", principal.AuthenticatedAt(), principal.ExpiresAt())
	}

	// Only auth_time says when the subject signed in. When the token was made does not.
	principal, err = authenticator.Verify(t.Context(), key.token(issuer.URL, now))
	if err != nil || !principal.AuthenticatedAt().IsZero() {
		t.Errorf("without auth_time: %v, %v", principal.AuthenticatedAt(), err)
	}
}

func TestEveryAlgorithm(t *testing.T) {
	t.Parallel()
	all := signers()
	byDefault := []string{"RS256", "PS256", "ES256", "Ed25519", "EdDSA"}
	var published []any
	given := map[string]crypto.PublicKey{}
	tokens := map[string]string{}
	issuer := newProvider(t)
	for name, signer := range all {
		tokens[name] = signer.token(issuer.URL, time.Now())
		published = append(published, signer.public())
		given[signer.id] = signer.private.Public()
	}
	issuer.rotate(published...)
	names := slices.Sorted(maps.Keys(all))
	for source, keys := range map[string]bearer.KeySource{
		"discovery": bearer.Discovery(), "address": bearer.KeysAt(issuer.URL + "/keys"), "static": bearer.StaticKeys(given),
	} {
		plain := must(bearer.New(issuer.URL, audience, keys))
		defer plain.Close()
		every := must(bearer.New(issuer.URL, audience, keys, bearer.WithAlgorithms(names...)))
		defer every.Close()
		for name, token := range tokens {
			if got := authenticate(t, every, token); got != issuer.URL+"#jane" {
				t.Errorf("%s, %s, allowed: %s", source, name, got)
			}
			want := "invalid"
			if slices.Contains(byDefault, name) {
				want = issuer.URL + "#jane"
			}
			if got := authenticate(t, plain, token); got != want {
				t.Errorf("%s, %s, by default: %s", source, name, got)
			}
			only := must(bearer.New(issuer.URL, audience, keys, bearer.WithAlgorithms(name)))
			for other, token := range tokens {
				if got := authenticate(t, only, token); (got == "invalid") == (other == name) {
					t.Errorf("%s, where only %s is allowed, %s: %s", source, name, other, got)
				}
			}
			_ = only.Close()
		}
	}
}

// TestNearestGood has the neighbours of what TestRefused refuses.
func TestNearestGood(t *testing.T) {
	t.Parallel()
	clock, key := newClock(), es256("k1")
	issuer := newProvider(t, key.public())
	authenticator := trusted(t, issuer, bearer.WithClock(clock.Now))
	now := clock.Now()
	for name, change := range map[string]struct{ header, claims fields }{
		"as it is":               {},
		"type JWT":               {header: fields{"typ": "JWT"}},
		"type in full":           {header: fields{"typ": "application/at+jwt"}},
		"type in capitals":       {header: fields{"typ": "AT+JWT"}},
		"no type":                {header: fields{"typ": absent}},
		"thumbprint":             {header: fields{"x5t": "abc", "x5t#S256": "def"}},
		"unknown header":         {header: fields{"pi.atm": "x", "KID": "y", "Alg": "none"}},
		"audience in a list":     {claims: fields{"aud": []string{audience}}},
		"audience among others":  {claims: fields{"aud": []string{"https://other.example.com", audience}}},
		"no scopes nor roles":    {claims: fields{"scope": absent, "roles": absent}},
		"scopes in a list":       {claims: fields{"scope": []string{"a", "b"}}},
		"scp":                    {claims: fields{"scope": absent, "scp": "a b"}},
		"scp in a list":          {claims: fields{"scope": absent, "scp": []string{"a"}}},
		"empty scope":            {claims: fields{"scope": ""}},
		"empty roles":            {claims: fields{"roles": []string{}}},
		"no iat":                 {claims: fields{"iat": absent}},
		"iat within skew":        {claims: fields{"iat": now.Add(time.Minute).Unix()}},
		"nbf now":                {claims: fields{"nbf": now.Unix()}},
		"nbf within skew":        {claims: fields{"nbf": now.Add(time.Minute).Unix()}},
		"auth_time within skew":  {claims: fields{"auth_time": now.Add(time.Minute).Unix()}},
		"exp in a second":        {claims: fields{"exp": now.Unix() + 1}},
		"exp in a moment":        {claims: fields{"exp": float64(now.Unix()) + 0.25}},
		"exp at the end of time": {claims: fields{"exp": int64(253402300799)}},
		"longest subject":        {claims: fields{"sub": fmt.Sprintf("%0255d", 1)}},
		"subject with a #":       {claims: fields{"sub": "a#b"}},
		"other claims":           {claims: fields{"Exp": 1, "ISS": "x", "act": fields{"sub": "b"}, "big": []any{1, fields{}}, "nonce": "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token := key.sign(key.goodHeader().with(change.header).json(), goodClaims(issuer.URL, now).with(change.claims).json())
			got, err := authenticator.Verify(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			subject := "jane"
			if changed, ok := change.claims["sub"].(string); ok {
				subject = changed
			}
			if got.ID() != issuer.URL+"#"+subject {
				t.Errorf("got %s", got.ID())
			}
		})
	}
}

func TestGranted(t *testing.T) {
	t.Parallel()
	list := func(values ...any) []any { return values }
	for name, test := range map[string]struct {
		claims        map[string]any
		scopes, roles []string
		invalid       bool
	}{
		"nothing":               {},
		"scope":                 {claims: fields{"scope": "a b"}, scopes: []string{"a", "b"}},
		"scope before scp":      {claims: fields{"scope": "a", "scp": list("b")}, scopes: []string{"a"}},
		"empty scope over scp":  {claims: fields{"scope": "", "scp": "b"}, scopes: nil},
		"spaces":                {claims: fields{"scope": "  a   b "}, scopes: []string{"a", "b"}},
		"only a space divides":  {claims: fields{"scope": "a\tb\u00a0c,d"}, scopes: []string{"a\tb\u00a0c,d"}},
		"scp as a text":         {claims: fields{"scp": "a b"}, scopes: []string{"a", "b"}},
		"scp as a list":         {claims: fields{"scp": list("a", "b c")}, scopes: []string{"a", "b c"}},
		"roles":                 {claims: fields{"roles": list("x", "y z")}, roles: []string{"x", "y z"}},
		"roles as a text":       {claims: fields{"roles": "admin"}, roles: []string{"admin"}},
		"one role with a space": {claims: fields{"roles": "account admin"}, roles: []string{"account admin"}},
		"roles as an object":    {claims: fields{"roles": map[string]any{"admin": true}}, invalid: true},
		"roles with a number":   {claims: fields{"roles": list("x", 1.0)}, invalid: true},
		"roles null":            {claims: fields{"roles": nil}},
		"roles with a null":     {claims: fields{"roles": list("x", nil)}, invalid: true},
		"roles as a number":     {claims: fields{"roles": 1.0}, invalid: true},
		"roles as true":         {claims: fields{"roles": true}, invalid: true},
		"scope as a number":     {claims: fields{"scope": 1.0}, invalid: true},
		"scope null":            {claims: fields{"scope": nil}},
		"scope null beside scp": {claims: fields{"scope": nil, "scp": "a"}, scopes: []string{"a"}},
		"scp null":              {claims: fields{"scp": nil}},
		"scp with a list":       {claims: fields{"scp": list(list("a"))}, invalid: true},
		"Scope":                 {claims: fields{"Scope": "a", "SCOPE": "b", "Roles": list("x")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			granted, err := (&bearer.Token{Claims: test.claims}).Granted()
			if (err != nil) != test.invalid {
				t.Fatal(err)
			}
			want := authn.Details{Scopes: test.scopes, Roles: test.roles}
			if len(granted.Scopes)+len(want.Scopes) == 0 {
				granted.Scopes = nil
			}
			if diff := cmp.Diff(want, granted); diff != "" {
				t.Error(diff)
			}
		})
	}
}
