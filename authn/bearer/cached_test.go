package bearer_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/bearer"
	"github.com/sallyport-rpc/sallyport/authn/cache"
)

// The tests of this file put a cache in front, as applications do.

var _ cache.Verifier = (*bearer.Authenticator)(nil)

func newCache(tb testing.TB, options ...cache.Option) *cache.Cache {
	tb.Helper()
	verified, err := cache.New(options...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = verified.Close() })
	return verified
}

// TestRefusedBehindACache sends every forgery twice: it is refused from memory too,
// and the tokens that it imitates are not let down.
func TestRefusedBehindACache(t *testing.T) {
	t.Parallel()
	clock, key, other := newClock(), es256("k1"), rs256("r1")
	issuer := newProvider(t, key.public(), other.public())
	wrapped := newCache(t, cache.WithSize(100)).Wrap(trusted(t, issuer, bearer.WithClock(clock.Now)))
	wire := newWire(t, wrapped, actiontest.WithClock(t, clock.Now))
	good := "Bearer " + key.token(issuer.URL, clock.Now())
	if got := wire.call(t, good); got.who != issuer.URL+"#jane" {
		t.Fatalf("the good token: %+v", got)
	}
	for i, forgery := range forgeries(issuer, "https://trap.example.com", key, other, clock.Now()) {
		for range 2 {
			got := outcome(wrapped.Authenticate(t.Context(), calling("Bearer "+forgery.token)))
			if got != "invalid" && got != "none" && (got != "unavailable" || !forgery.mayBeNew()) {
				t.Errorf("%s: %s", forgery.name, got)
			}
		}
		if i%10 != 0 || !sendable(forgery.token) || forgery.mayBeNew() {
			continue
		}
		if got := wire.call(t, "Bearer "+forgery.token); got.code != "unauthenticated" || wire.handled.Load() != 1 {
			t.Errorf("%s: over the wire: %+v", forgery.name, got)
		}
	}
	if got := wire.call(t, good); got.who != issuer.URL+"#jane" || issuer.fetched() != 1 {
		t.Errorf("the good token, afterwards: %+v", got)
	}
}

// TestCachedForOneIssuerOnly has issuers and audiences share a cache and a key.
func TestCachedForOneIssuerOnly(t *testing.T) {
	t.Parallel()
	key, verified := es256("k1"), newCache(t)
	type place struct{ issuer, audience string }
	wrapped := map[place]*cache.Authenticator{}
	for _, place := range []place{{"a", "bc"}, {"ab", "c"}, {"a", "c"}, {"ab", "bc"}} {
		wrapped[place] = verified.Wrap(must(bearer.New(place.issuer, place.audience, static(key.private.Public()))))
	}
	for made := range wrapped {
		token := key.sign(key.goodHeader().json(), goodClaims(made.issuer, time.Now()).with(fields{"aud": made.audience}).json())
		for range 2 {
			for used, authenticator := range wrapped {
				want := "invalid"
				if used == made {
					want = made.issuer + "#jane"
				}
				if got := authenticate(t, authenticator, token); got != want {
					t.Errorf("made for %v, used at %v: %s", made, used, got)
				}
			}
		}
	}
}

func TestCachedTokenExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		key := es256("k1")
		wrapped := newCache(t, cache.WithTTL(time.Hour)).Wrap(must(bearer.New("id", audience, static(key.private.Public()))))
		token := key.token("id", time.Now())
		for range 5 {
			if got := authenticate(t, wrapped, token); got != "id#jane" {
				t.Errorf("before its expiry: %s", got)
			}
			time.Sleep(time.Minute)
		}
		if got := authenticate(t, wrapped, token); got != "invalid" {
			t.Errorf("after its expiry: %s", got)
		}
	})
}

// TestCachedWhileKeysAreDown holds that an outage prolongs nothing by more than the
// keys' hour and the cache's minute.
func TestCachedWhileKeysAreDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		key := es256("k1")
		issuer, client := offline(key.public())
		wrapped := newCache(t).Wrap(trusted(t, issuer, bearer.WithHTTPClient(client)))
		token := key.sign(key.goodHeader().json(), goodClaims(issuer.URL, time.Now()).with(fields{"exp": time.Now().Add(24 * time.Hour).Unix()}).json())
		see := func(when, want string) {
			t.Helper()
			if got := authenticate(t, wrapped, token); got != want {
				t.Errorf("%s: %s, want %s", when, got, want)
			}
		}
		see("at first", issuer.URL+"#jane")
		issuer.answer(down)
		time.Sleep(time.Hour - 1)
		see("at the last", issuer.URL+"#jane")
		time.Sleep(time.Minute)
		see("a minute later", "unavailable")
	})
}

// TestRevokedWhileCached revokes tokens where the identity is looked up.
func TestRevokedWhileCached(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		key := es256("k1")
		denied, asked := map[string]bool{}, 0
		authenticator := must(bearer.New("id", audience, static(key.private.Public()),
			bearer.WithIdentity(func(_ context.Context, token *bearer.Token) (string, authn.Details, error) {
				asked++
				if denied[token.ID] {
					return "", authn.Details{}, authn.InvalidCredential("token was revoked")
				}
				details, err := token.Granted()
				return token.Subject, details, err
			})))
		verified := newCache(t)
		wrapped := verified.Wrap(authenticator)
		tokens := map[string]string{}
		for _, id := range []string{"t1", "t2", "t3"} {
			tokens[id] = key.sign(key.goodHeader().json(), goodClaims("id", time.Now()).with(fields{"jti": id}).json())
		}
		see := func(when, id, want string) {
			t.Helper()
			if got := authenticate(t, wrapped, tokens[id]); got != want {
				t.Errorf("%s: %s: %s, want %s", when, id, got, want)
			}
		}
		for id := range tokens {
			see("at first", id, "jane")
			see("from memory", id, "jane")
		}
		if asked != 3 {
			t.Errorf("looked up %d times", asked)
		}
		denied["t1"] = true
		verified.RevokeCredential(tokens["t1"])
		see("revoked by itself", "t1", "invalid")
		denied["t2"] = true
		verified.Revoke("jane")
		see("revoked with all of hers", "t2", "invalid")
		see("not revoked", "t3", "jane")
		denied["t3"] = true // without a revocation
		time.Sleep(time.Minute - 1)
		see("within the bound", "t3", "jane")
		time.Sleep(time.Nanosecond)
		see("beyond the bound", "t3", "invalid")
	})
}

// TestWrappedSaysTheSame asks the wrapped authenticator for what the gate asks it.
func TestWrappedSaysTheSame(t *testing.T) {
	t.Parallel()
	authenticator := must(bearer.New("id", audience, static(onceP256().Public())))
	wrapped := newCache(t).Wrap(authenticator)
	denial := authn.Denial{Reason: authn.InsufficientScope, MissingScopes: []string{"a"}}
	if wrapped.Challenge(denial) != authenticator.Challenge(denial) || !wrapped.ReportsAuthenticationTime() {
		t.Error("a challenge or a date is lost")
	}
	for _, authorization := range [][]string{nil, {"Basic eDp5"}, {"Bearer opaque"}, {"Bearer a.b.c"}, {"Bearer a", "Bearer b"}, {""}, {"Bearer a.b.c, Bearer x"}} {
		want := outcome(authenticator.Authenticate(t.Context(), calling(authorization...)))
		if got := outcome(wrapped.Authenticate(t.Context(), calling(authorization...))); got != want {
			t.Errorf("%q: %s, want %s", authorization, got, want)
		}
	}
}

// TestFirstSightWithSlowKeys has many first sights of a token while the keys are
// fetched, of which most go away.
func TestFirstSightWithSlowKeys(t *testing.T) {
	t.Parallel()
	key := es256("k1")
	issuer := newProvider(t, key.public())
	asked, release := make(chan struct{}, 10), make(chan struct{})
	issuer.answer(func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-release
		issuer.answer(nil)
		issuer.ServeHTTP(w, r)
	})
	wrapped := newCache(t).Wrap(trusted(t, issuer))
	call := calling("Bearer " + key.token(issuer.URL, time.Now()))
	gone, leave := context.WithCancel(t.Context())
	answers, left := make(chan string, 100), make(chan error, 100)
	for i := range 100 {
		go func() {
			if i < 90 {
				_, err := wrapped.Authenticate(gone, call)
				left <- err
				return
			}
			answers <- outcome(wrapped.Authenticate(t.Context(), call))
		}()
	}
	<-asked
	leave()
	for range 90 {
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("who left: %v", err)
		}
	}
	close(release)
	for range 10 {
		if got := <-answers; got != issuer.URL+"#jane" {
			t.Errorf("who stayed: %s", got)
		}
	}
	if got := issuer.fetched(); got != 1 {
		t.Errorf("%d fetches", got)
	}
}
