package bearer_test

import (
	"testing"
	"time"

	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/bearer"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

func TestChallenge(t *testing.T) {
	t.Parallel()
	plain := must(bearer.New("id", audience, static(onceP256().Public())))
	named := must(bearer.New("id", audience, static(onceP256().Public()), bearer.WithRealm("our API")))
	for name, test := range map[string]struct {
		authenticator *bearer.Authenticator
		denial        authn.Denial
		want          string
	}{
		"no credential": {plain, authn.Denial{Reason: authn.NoCredential}, `Bearer realm="https://api.example.com"`},
		"a bad one":     {plain, authn.Denial{Reason: authn.BadCredential}, `Bearer realm="https://api.example.com", error="invalid_token"`},
		"a realm":       {named, authn.Denial{Reason: authn.NoCredential}, `Bearer realm="our API"`},
		"too few scopes": {
			named, authn.Denial{Reason: authn.InsufficientScope, MissingScopes: []string{"a", "b:c"}},
			`Bearer realm="our API", error="insufficient_scope", scope="a b:c"`,
		},
		"no scope would do": {
			named, authn.Denial{Reason: authn.InsufficientScope},
			`Bearer realm="our API", error="insufficient_scope"`,
		},
		"scopes beyond OAuth": {
			named, authn.Denial{Reason: authn.InsufficientScope, MissingScopes: []string{"", "a b", "c\"", "d\\", "e\r\n", "é", "f"}},
			`Bearer realm="our API", error="insufficient_scope", scope="f"`,
		},
		"an old sign-in": {
			named, authn.Denial{Reason: authn.NotFresh, MaxAge: 15 * time.Minute},
			`Bearer realm="our API", error="insufficient_user_authentication", max_age="900"`,
		},
	} {
		if got := test.authenticator.Challenge(test.denial); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestChallengeOverTheWire(t *testing.T) {
	t.Parallel()
	key := es256("k1")
	issuer := newProvider(t, key.public())
	wire := newWire(t, trusted(t, issuer))
	const realm = `Bearer realm="https://api.example.com"`
	for authorization, want := range map[string]string{
		"Basic eDp5":                           realm,
		"Bearer ses_opaque":                    realm, // no JWT: another scheme's, or none's
		"Bearer a.b.c":                         realm + `, error="invalid_token"`,
		"Bearer":                               realm + `, error="invalid_token"`,
		"Bearer " + key.token("x", time.Now()): realm + `, error="invalid_token"`,
	} {
		if got := wire.call(t, authorization); got.status != 401 || got.challenge != want {
			t.Errorf("%.20s: %d, %s", authorization, got.status, got.challenge)
		}
	}
	if got := wire.call(t); got.status != 401 || got.challenge != realm {
		t.Errorf("no credential: %+v", got)
	}
	token := key.sign(key.goodHeader().json(), goodClaims(issuer.URL, time.Now()).with(fields{"roles": []string{"member"}}).json())
	if got := wire.call(t, "Bearer "+token); got.status != 403 || got.challenge != "" {
		t.Errorf("a role too few: %+v", got)
	}
}

// TestStepUp deletes a user, which takes a sign-in not older than 15 minutes.
func TestStepUp(t *testing.T) {
	t.Parallel()
	clock, key := newClock(), es256("k1")
	issuer := newProvider(t, key.public())
	now := clock.Now()
	wrapped := newCache(t).Wrap(trusted(t, issuer, bearer.WithClock(clock.Now)))
	wire := newWire(t, wrapped, actiontest.WithClock(t, clock.Now))
	for name, test := range map[string]struct {
		signedIn any
		good     bool
	}{
		"just now":          {now.Unix(), true},
		"15 minutes ago":    {now.Add(-15 * time.Minute).Unix(), true},
		"longer ago":        {now.Add(-15*time.Minute).Unix() - 1, false},
		"not known when":    {absent, false},
		"at the very first": {0, false},
		"in the future":     {now.Add(time.Hour).Unix(), false},
	} {
		token := key.sign(key.goodHeader().json(), goodClaims(issuer.URL, now).with(fields{"auth_time": test.signedIn}).json())
		got := wire.post(t, demov1client.AccountServiceDeleteUserProcedure, `{"userId":"0198e9c6-5f5c-7d3a-9b1e-3c1f2a4b5c6d"}`, "Bearer "+token)
		want := `Bearer realm="https://api.example.com", error="insufficient_user_authentication", max_age="900"`
		if name == "in the future" { // that makes it a bad token
			want = `Bearer realm="https://api.example.com", error="invalid_token"`
		}
		if test.good && got.status != 200 || !test.good && (got.code != "unauthenticated" || got.challenge != want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := wire.handled.Load(); got != 2 {
		t.Errorf("handled %d calls", got)
	}
}
