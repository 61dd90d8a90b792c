package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	claimsv1 "github.com/sallyport-rpc/sallyport/gen/test/claims/v1"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/bearer"
)

func TestIdentityAnswers(t *testing.T) {
	t.Parallel()
	key := es256("k1")
	for name, test := range map[string]struct {
		id   string
		err  error
		want string
	}{
		"known":                 {"u1", nil, "u1"},
		"no id":                 {"", nil, "fault"},
		"revoked":               {"u1", authn.InvalidCredential("token was revoked"), "invalid"},
		"revoked, wrapped":      {"u1", fmt.Errorf("tokens: %w", authn.InvalidCredential("token was revoked")), "invalid"},
		"down":                  {"u1", errors.New("connection refused"), "unavailable"},
		"down, said so":         {"u1", authn.Unavailable(errors.New("connection refused")), "unavailable"},
		"down, by a time-out":   {"u1", context.DeadlineExceeded, "unavailable"},
		"as if there were none": {"u1", fmt.Errorf("users: %w", authn.ErrNoCredential), "fault"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			authenticator := must(bearer.New("id", audience, static(key.private.Public()),
				bearer.WithIdentity(func(context.Context, *bearer.Token) (string, authn.Details, error) {
					return test.id, authn.Details{Roles: []string{"admin"}}, test.err
				})))
			if got := authenticate(t, authenticator, key.token("id", time.Now())); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestCallerGoesAwayDuringIdentity(t *testing.T) {
	t.Parallel()
	key := es256("k1")
	ctx, cancel := context.WithCancel(t.Context())
	authenticator := must(bearer.New("id", audience, static(key.private.Public()),
		bearer.WithIdentity(func(context.Context, *bearer.Token) (string, authn.Details, error) {
			cancel()
			return "", authn.Details{}, errors.New("interrupted")
		})))
	if got := outcome(authenticator.Verify(ctx, key.token("id", time.Now()))); got != "canceled" {
		t.Errorf("got %s", got)
	}
}

func TestIdentitySeesTheToken(t *testing.T) {
	t.Parallel()
	clock, key := newClock(), es256("k1")
	now := clock.Now()
	var seen *bearer.Token
	claims := authn.Details{Roles: []string{"member"}, Claims: &claimsv1.Claims{OrgIds: []string{"red"}}, AuthenticatedAt: now, ExpiresAt: now.Add(time.Hour)}
	authenticator := must(bearer.New("id", audience, static(key.private.Public()), bearer.WithClock(clock.Now),
		bearer.WithIdentity(func(_ context.Context, token *bearer.Token) (string, authn.Details, error) {
			seen = token
			return "user-7", claims, nil
		})))
	payload := fields{
		"iss": "id", "aud": audience, "sub": "jane", "jti": "t1", "exp": now.Unix() + 60, "iat": now.Unix() - 5, "auth_time": now.Unix() - 9,
		"nested": fields{"list": []any{"a", 1}},
	}
	principal, err := authenticator.Verify(t.Context(), key.sign(key.goodHeader().json(), payload.json()))
	if err != nil {
		t.Fatal(err)
	}
	want := &bearer.Token{
		Issuer: "id", Subject: "jane", ID: "t1",
		IssuedAt: now.Add(-5 * time.Second), AuthenticatedAt: now.Add(-9 * time.Second), ExpiresAt: now.Add(time.Minute),
		Claims: map[string]any{
			"iss": "id", "aud": audience, "sub": "jane", "jti": "t1", "exp": float64(now.Unix() + 60), "iat": float64(now.Unix() - 5),
			"auth_time": float64(now.Unix() - 9), "nested": map[string]any{"list": []any{"a", 1.0}},
		},
	}
	if diff := cmp.Diff(want, seen, cmpopts.IgnoreUnexported(bearer.Token{})); diff != "" {
		t.Error(diff)
	}
	if team := authn.ClaimsOf[*claimsv1.Claims](principal).GetOrgIds(); principal.ID() != "user-7" || !slices.Equal(team, []string{"red"}) || len(principal.Scopes()) != 0 {
		t.Errorf("%s of teams %s with scopes %v", principal.ID(), team, principal.Scopes())
	}
	// The token knows better when its subject signed in, and ends when it ends.
	if !principal.AuthenticatedAt().Equal(want.AuthenticatedAt) || !principal.ExpiresAt().Equal(want.ExpiresAt) {
		t.Errorf("authenticated at %v until %v", principal.AuthenticatedAt(), principal.ExpiresAt())
	}
	claims.ExpiresAt = now.Add(time.Second)
	if principal, err = authenticator.Verify(t.Context(), key.sign(key.goodHeader().json(), payload.json())); err != nil || !principal.ExpiresAt().Equal(claims.ExpiresAt) {
		t.Errorf("an earlier end was passed over: %v", err)
	}
}

// TestSubjectsOfTwoIssuers has two issuers that know a subject by one name.
func TestSubjectsOfTwoIssuers(t *testing.T) {
	t.Parallel()
	key := es256("k1")
	ids := map[string]bool{}
	for _, issuer := range []string{"a", "b", "a/b"} {
		for _, subject := range []string{"x", "#x", "b#x", "/b#x"} {
			authenticator := must(bearer.New(issuer, audience, static(key.private.Public())))
			token := key.sign(key.goodHeader().json(), goodClaims(issuer, time.Now()).with(fields{"sub": subject}).json())
			ids[authenticate(t, authenticator, token)] = true
			unsafely := must(bearer.New(issuer, audience, static(key.private.Public()), bearer.WithIdentity(bearer.UnsafeSubject)))
			if got := authenticate(t, unsafely, token); got != subject {
				t.Errorf("UnsafeSubject: %s", got)
			}
		}
	}
	if len(ids) != 12 {
		t.Errorf("12 subjects have the ids %v", ids)
	}
}

// TestAnotherIssuerOrAudience uses each token everywhere but where it belongs, while
// all issuers share a key.
func TestAnotherIssuerOrAudience(t *testing.T) {
	t.Parallel()
	key := es256("k1")
	type place struct{ issuer, audience string }
	var places []place
	for _, issuer := range []string{"a", "ab", "a b"} {
		for _, audience := range []string{"c", "bc", "b c", issuer} {
			places = append(places, place{issuer, audience})
		}
	}
	for _, made := range places {
		token := key.sign(key.goodHeader().json(), goodClaims(made.issuer, time.Now()).with(fields{"aud": made.audience}).json())
		for _, used := range places {
			authenticator := must(bearer.New(used.issuer, used.audience, static(key.private.Public())))
			if got := authenticate(t, authenticator, token); (got == "invalid") == (made == used) {
				t.Errorf("made for %v, used at %v: %s", made, used, got)
			}
		}
	}
}
