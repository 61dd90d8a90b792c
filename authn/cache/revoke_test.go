package cache_test

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/cache"
)

// owned has credentials such as "ada/1", by whose they are, and takes some back.
type owned struct {
	verifier

	mu         sync.Mutex
	taken      map[string]bool
	subscribed []func(string)
}

func newOwned() *owned {
	o := &owned{taken: map[string]bool{}}
	o.respond = func(_ context.Context, credential string) (*authn.Principal, error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		owner, _, _ := strings.Cut(credential, "/")
		if o.taken[credential] || o.taken[owner] {
			return nil, authn.InvalidCredential("revoked")
		}
		return authn.NewPrincipal(owner, authn.Details{Unscoped: true}), nil
	}
	return o
}

func (o *owned) OnRevoke(revoked func(string)) { o.subscribed = append(o.subscribed, revoked) }

// take takes a credential back, or all of an owner, without a revocation.
func (o *owned) take(what string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.taken[what] = true
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		revoke func(shared *cache.Cache, verifier *owned)
		want   map[string]string
	}{
		"nothing": {
			func(*cache.Cache, *owned) {},
			map[string]string{"ada/1": "ada", "ada/2": "ada", "bob/1": "bob"},
		},
		"a principal": {
			func(shared *cache.Cache, verifier *owned) {
				verifier.take("ada")
				shared.Revoke("ada")
			},
			map[string]string{"ada/1": "invalid", "ada/2": "invalid", "bob/1": "bob"},
		},
		"a credential": {
			func(shared *cache.Cache, verifier *owned) {
				verifier.take("ada/1")
				shared.RevokeCredential("ada/1")
			},
			map[string]string{"ada/1": "invalid", "ada/2": "ada", "bob/1": "bob"},
		},
		"by the verifier": {
			func(_ *cache.Cache, verifier *owned) {
				verifier.take("ada/1")
				for _, revoked := range verifier.subscribed {
					revoked("ada")
				}
			},
			map[string]string{"ada/1": "invalid", "ada/2": "ada", "bob/1": "bob"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			verifier := newOwned()
			shared := newCache(t, cache.WithTTL(time.Hour))
			wrapped, again := shared.Wrap(verifier), shared.Wrap(verifier)
			for credential := range test.want {
				for _, authenticator := range []*cache.Authenticator{wrapped, again} {
					if got := authenticate(t, authenticator, credential); got+credential[3:] != credential {
						t.Fatalf("%s: %s", credential, got)
					}
				}
			}
			test.revoke(shared, verifier)
			for credential, want := range test.want {
				for _, authenticator := range []*cache.Authenticator{wrapped, again} {
					if got := authenticate(t, authenticator, credential); got != want {
						t.Errorf("%s: got %s, want %s", credential, got, want)
					}
				}
			}
		})
	}
}

// TestRevokeAnother revokes names that resemble those that are remembered. A few
// of them may share a place with it.
func TestRevokeAnother(t *testing.T) {
	t.Parallel()
	verifier := new(verifier)
	shared := newCache(t)
	wrapped := shared.Wrap(verifier)
	authenticateAll := func() {
		for i := range 1000 {
			authenticate(t, wrapped, "ada/"+strconv.Itoa(i))
		}
	}
	authenticateAll()
	for _, name := range []string{"ada", "ada/", "ADA/1", "ada/1 ", "da/1", "bob"} {
		shared.Revoke(name)
		shared.RevokeCredential(name)
	}
	authenticateAll()
	if again := verifier.asked.Load() - 1000; again > 100 {
		t.Errorf("%d of a thousand were verified again", again)
	}
}

// TestForgettingIsNotRefusing revokes what is still valid where the verifier looks.
func TestForgettingIsNotRefusing(t *testing.T) {
	t.Parallel()
	verifier := newOwned()
	shared := newCache(t)
	wrapped := shared.Wrap(verifier)
	for asked := range int64(4) {
		for range 3 {
			if got := authenticate(t, wrapped, "ada/1"); got != "ada" || verifier.asked.Load() != asked+1 {
				t.Errorf("%s after %d questions, want %d", got, verifier.asked.Load(), asked+1)
			}
		}
		if asked%2 == 0 {
			shared.Revoke("ada")
		} else {
			shared.RevokeCredential("ada/1")
		}
	}
}

// TestRevokeBadCredential makes the cache forget that a credential was not good.
func TestRevokeBadCredential(t *testing.T) {
	t.Parallel()
	verifier := new(verifier)
	shared := newCache(t)
	wrapped := shared.Wrap(verifier)
	authenticate(t, wrapped, "bad")
	shared.RevokeCredential("bad")
	if authenticate(t, wrapped, "bad"); verifier.asked.Load() != 2 {
		t.Error("it was remembered")
	}
}

// TestRevokeInFlight revokes while the verifier has looked already, and not answered
// yet. Neither those who wait nor those who come later get the answer.
func TestRevokeInFlight(t *testing.T) {
	t.Parallel()
	for name, revoke := range map[string]func(*cache.Cache){
		"principal":  func(shared *cache.Cache) { shared.Revoke("ada") },
		"credential": func(shared *cache.Cache) { shared.RevokeCredential("ada/1") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				verifier := newOwned()
				look := verifier.respond
				verifier.respond = func(ctx context.Context, credential string) (*authn.Principal, error) {
					principal, err := look(ctx, credential)
					time.Sleep(time.Second)
					return principal, err
				}
				shared := newCache(t)
				wrapped := shared.Wrap(verifier)
				var group sync.WaitGroup
				for range 10 {
					group.Go(func() {
						if got := authenticate(t, wrapped, "ada/1"); got != "invalid" {
							t.Errorf("who waited: %s", got)
						}
					})
				}
				time.Sleep(time.Second / 2)
				verifier.take("ada")
				revoke(shared)
				// This one joins a verification that began before the revocation.
				if got := authenticate(t, wrapped, "ada/1"); got != "invalid" {
					t.Errorf("who came then: %s", got)
				}
				group.Wait()
				if got := verifier.asked.Load(); got != 2 {
					t.Errorf("verified %d times, want 2", got)
				}
			})
		})
	}
}

// TestRevokedAgainAndAgain revokes during every verification.
func TestRevokedAgainAndAgain(t *testing.T) {
	t.Parallel()
	var shared *cache.Cache
	verifier := &verifier{respond: func(_ context.Context, credential string) (*authn.Principal, error) {
		shared.Revoke(credential)
		return authn.NewPrincipal(credential, authn.Details{Unscoped: true}), nil
	}}
	shared = newCache(t)
	if got := authenticate(t, shared.Wrap(verifier), "ada"); got != "unavailable" || verifier.asked.Load() != 3 {
		t.Errorf("%s after %d verifications", got, verifier.asked.Load())
	}
}

func TestRevokeNothing(t *testing.T) {
	t.Parallel()
	verifier := new(verifier)
	shared := newCache(t)
	wrapped := shared.Wrap(verifier)
	wrapped.OnRevoke(func(id string) { t.Errorf("%q was revoked", id) })
	authenticate(t, wrapped, "ada")
	shared.Revoke("")
	shared.RevokeCredential("")
	if authenticate(t, wrapped, "ada"); verifier.asked.Load() != 1 {
		t.Error("nothing was revoked, and something forgotten")
	}
}

// TestOnRevoke sees subscribers called with principals, however and wherever they were
// revoked, and only after the cache has forgotten them. Where a cache does not know whose
// a credential was, they are called with "".
func TestOnRevoke(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		link, verifier, far := newLink(), newOwned(), newOwned()
		here, there := newCache(t, cache.WithBus(newBus(t, link))), newCache(t, cache.WithBus(newBus(t, link)))
		synctest.Wait()
		called := map[string]int{}
		listen := func(where string, wrapped *cache.Authenticator) {
			authenticate(t, wrapped, "ada/1")
			wrapped.OnRevoke(func(id string) {
				called[where+" "+id]++
				if got := authenticate(t, wrapped, "ada/1"); got != "invalid" {
					t.Errorf("%s, when %s was revoked: %s", where, id, got)
				}
			})
		}
		listen("here", here.Wrap(verifier))
		listen("there", there.Wrap(far))
		verifier.take("ada")
		far.take("ada")
		here.Revoke("ada")
		synctest.Wait()
		here.RevokeCredential("bob/1")
		synctest.Wait()
		verifier.subscribed[0]("cyd") // by the verifier, and so in this process alone
		synctest.Wait()
		got := slices.Sorted(maps.Keys(called))
		if diff := cmp.Diff([]string{"here ", "here ada", "here cyd", "there ", "there ada"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}

		wrapped := there.Wrap(far)
		authenticate(t, wrapped, "dan/1")
		far.take("dan")
		far.subscribed[0]("") // its bus may have missed something
		if got := authenticate(t, wrapped, "dan/1"); got != "invalid" {
			t.Errorf("after the verifier may have missed something: %s", got)
		}
	})
}

func TestBus(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		link, verifier := newLink(), newOwned()
		here, there := newCache(t, cache.WithBus(newBus(t, link))), newCache(t, cache.WithBus(newBus(t, link)))
		wrapped := there.Wrap(verifier)
		see := func(when, credential, want string) {
			t.Helper()
			synctest.Wait()
			if got := authenticate(t, wrapped, credential); got != want {
				t.Errorf("%s: %s: got %s, want %s", when, credential, got, want)
			}
		}
		see("at first", "ada/1", "ada")
		see("at first", "bob/1", "bob")
		verifier.take("ada")
		verifier.take("bob/1")
		here.Revoke("ada")
		here.RevokeCredential("bob/1")
		see("over the bus", "ada/1", "invalid")
		see("over the bus", "bob/1", "invalid")

		// While the link is down there is the TTL.
		link.turn(true)
		see("down", "cyd/1", "cyd")
		verifier.take("cyd")
		here.Revoke("cyd")
		see("down", "cyd/1", "cyd")
		time.Sleep(time.Minute - 1)
		see("down for long", "cyd/1", "cyd")
		time.Sleep(time.Nanosecond)
		see("down for a minute", "cyd/1", "invalid")

		// When it is back, everything counts as revoked.
		see("still down", "dan/1", "dan")
		verifier.take("dan") // without a revocation
		link.turn(false)
		time.Sleep(10 * time.Second)
		see("up again", "dan/1", "invalid")
		see("up again", "eve/1", "eve")
		verifier.take("eve")
		here.Revoke("eve")
		see("up again", "eve/1", "invalid")
	})
}
