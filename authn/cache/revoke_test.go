package cache_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn/cache"
)

// owned has credentials such as "ada/1", by whose they are, and takes some back.
type owned struct {
	verifier

	mu    sync.Mutex
	taken map[string]bool
	heard []func(string)
}

func newOwned() *owned {
	o := &owned{taken: map[string]bool{}}
	o.tell = func(_ context.Context, credential string) (*action.Principal, error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		owner, _, _ := strings.Cut(credential, "/")
		if o.taken[credential] || o.taken[owner] {
			return nil, action.InvalidCredential("revoked")
		}
		return action.NewPrincipal(owner, action.Claims{}), nil
	}
	return o
}

func (o *owned) OnRevoke(revoked func(string)) { o.heard = append(o.heard, revoked) }

// take takes a credential back, or all of an owner, and tells nobody.
func (o *owned) take(what string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.taken[what] = true
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		revoke func(shared *cache.Cache, verifier *owned) error
		want   map[string]string
	}{
		"nothing": {
			func(*cache.Cache, *owned) error { return nil },
			map[string]string{"ada/1": "ada", "ada/2": "ada", "bob/1": "bob"},
		},
		"a principal": {
			func(shared *cache.Cache, verifier *owned) error {
				verifier.take("ada")
				return shared.Revoke(context.Background(), "ada")
			},
			map[string]string{"ada/1": "invalid", "ada/2": "invalid", "bob/1": "bob"},
		},
		"a credential": {
			func(shared *cache.Cache, verifier *owned) error {
				verifier.take("ada/1")
				return shared.RevokeCredential(context.Background(), "ada/1")
			},
			map[string]string{"ada/1": "invalid", "ada/2": "ada", "bob/1": "bob"},
		},
		"by the verifier": {
			func(_ *cache.Cache, verifier *owned) error {
				verifier.take("ada/1")
				for _, revoked := range verifier.heard {
					revoked("ada")
				}
				return nil
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
			if err := test.revoke(shared, verifier); err != nil {
				t.Fatal(err)
			}
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

// TestRevokeSomebodyElse revokes what only looks like those who are remembered. A few
// of them may share a place with it.
func TestRevokeSomebodyElse(t *testing.T) {
	t.Parallel()
	verifier := new(verifier)
	shared := newCache(t)
	wrapped := shared.Wrap(verifier)
	everybody := func() {
		for i := range 1000 {
			authenticate(t, wrapped, "ada/"+strconv.Itoa(i))
		}
	}
	everybody()
	for _, name := range []string{"ada", "ada/", "ADA/1", "ada/1 ", "da/1", "bob"} {
		if err := errors.Join(shared.Revoke(t.Context(), name), shared.RevokeCredential(t.Context(), name)); err != nil {
			t.Error(err)
		}
	}
	everybody()
	if again := verifier.asked.Load() - 1000; again > 100 {
		t.Errorf("%d of a thousand were verified again", again)
	}
}

// TestForgettingIsNotRefusing revokes what nobody took back.
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
		var err error
		if asked%2 == 0 {
			err = shared.Revoke(t.Context(), "ada")
		} else {
			err = shared.RevokeCredential(t.Context(), "ada/1")
		}
		if err != nil {
			t.Error(err)
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
	if err := shared.RevokeCredential(t.Context(), "bad"); err != nil {
		t.Error(err)
	}
	if authenticate(t, wrapped, "bad"); verifier.asked.Load() != 2 {
		t.Error("it was remembered")
	}
}

// TestRevokeInFlight revokes while the verifier has looked already, and not answered
// yet. Neither those who wait nor those who come later get the answer.
func TestRevokeInFlight(t *testing.T) {
	t.Parallel()
	for name, revoke := range map[string]func(*cache.Cache) error{
		"principal":  func(shared *cache.Cache) error { return shared.Revoke(context.Background(), "ada") },
		"credential": func(shared *cache.Cache) error { return shared.RevokeCredential(context.Background(), "ada/1") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				verifier := newOwned()
				look := verifier.tell
				verifier.tell = func(ctx context.Context, credential string) (*action.Principal, error) {
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
				if err := revoke(shared); err != nil {
					t.Error(err)
				}
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
	verifier := &verifier{tell: func(ctx context.Context, credential string) (*action.Principal, error) {
		return action.NewPrincipal(credential, action.Claims{}), shared.Revoke(ctx, credential)
	}}
	shared = newCache(t)
	if got := authenticate(t, shared.Wrap(verifier), "ada"); got != "unavailable" || verifier.asked.Load() != 3 {
		t.Errorf("%s after %d verifications", got, verifier.asked.Load())
	}
}

func TestRevokeNothing(t *testing.T) {
	t.Parallel()
	shared := newCache(t)
	if shared.Revoke(t.Context(), "") == nil || shared.RevokeCredential(t.Context(), "") == nil {
		t.Error("nothing was revoked")
	}
}

// TestListeners are told of principals, however they were revoked, and by whomever.
func TestListeners(t *testing.T) {
	t.Parallel()
	bus, verifier := newBus(), newOwned()
	here, there := newCache(t, cache.WithLink(bus)), newCache(t, cache.WithLink(bus))
	<-bus.joined
	<-bus.joined
	var mu sync.Mutex
	told := map[string]int{}
	hear := func(where string) func(string) {
		return func(id string) {
			mu.Lock()
			defer mu.Unlock()
			told[where+" "+id]++
		}
	}
	here.Wrap(verifier).OnRevoke(hear("here"))
	there.Wrap(new(owned)).OnRevoke(hear("there"))
	if err := errors.Join(here.Revoke(t.Context(), "ada"), here.RevokeCredential(t.Context(), "bob/1")); err != nil {
		t.Error(err)
	}
	verifier.heard[0]("cyd")
	mu.Lock()
	defer mu.Unlock()
	if len(told) != 3 || told["here ada"] == 0 || told["there ada"] == 0 || told["here cyd"] == 0 {
		t.Errorf("told of %v", told)
	}
}

func TestLink(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus, verifier := newBus(), newOwned()
		here, there := newCache(t, cache.WithLink(bus)), newCache(t, cache.WithLink(bus))
		wrapped := there.Wrap(verifier)
		see := func(when, credential, want string) {
			t.Helper()
			if got := authenticate(t, wrapped, credential); got != want {
				t.Errorf("%s: %s: got %s, want %s", when, credential, got, want)
			}
		}
		synctest.Wait()
		see("at first", "ada/1", "ada")
		see("at first", "bob/1", "bob")
		see("at first", "cyd/1", "cyd")
		verifier.take("ada")
		verifier.take("bob/1")
		if err := errors.Join(here.Revoke(t.Context(), "ada"), here.RevokeCredential(t.Context(), "bob/1")); err != nil {
			t.Fatal(err)
		}
		see("over the link", "ada/1", "invalid")
		see("over the link", "bob/1", "invalid")

		// While the link is down there is the TTL.
		bus.fail(errDown)
		bus.cut()
		synctest.Wait()
		see("down", "cyd/1", "cyd") // anew, if it shared a place with one of the others
		verifier.take("cyd")
		if err := here.Revoke(t.Context(), "cyd"); !errors.Is(err, errDown) {
			t.Errorf("Revoke said %v", err)
		}
		see("down", "cyd/1", "cyd")
		time.Sleep(time.Minute - 1)
		see("down for long", "cyd/1", "cyd")
		time.Sleep(1)
		see("down for a minute", "cyd/1", "invalid")

		// It comes back by itself.
		bus.fail(nil)
		see("up again", "dan/1", "dan")
		verifier.take("dan")
		if err := here.Revoke(t.Context(), "dan"); err != nil {
			t.Error(err)
		}
		see("up again", "dan/1", "invalid")
	})
}

func TestRevocationText(t *testing.T) {
	t.Parallel()
	link := new(recorder)
	shared := newCache(t, cache.WithLink(link))
	const secret = "eyJ.secret.credential"
	for _, id := range []string{"ada", "https://id.example.com#ada", " ", "a b", "credential x", "a\nb", "\xff", "é"} {
		if err := shared.Revoke(t.Context(), id); err != nil {
			t.Error(err)
		}
		if want := "principal " + id; link.text != want {
			t.Errorf("%q, want %q", link.text, want)
		}
	}
	if err := shared.RevokeCredential(t.Context(), secret); err != nil {
		t.Error(err)
	}
	if !strings.HasPrefix(link.text, "credential ") || len(link.text) != len("credential ")+43 || strings.Contains(link.text, "secret") {
		t.Errorf("%q", link.text)
	}
	for _, text := range []string{"", " ", "principal", "principal ", "Principal x", "x y", "credential", "principals x", "principal\tx", " principal x"} {
		var revocation cache.Revocation
		if err := revocation.UnmarshalText([]byte(text)); err == nil || revocation != (cache.Revocation{}) {
			t.Errorf("%q became %v", text, revocation)
		}
	}
	if _, err := (cache.Revocation{}).MarshalText(); err == nil {
		t.Error("nothing has a text")
	}
}

// A recorder is a link that keeps the last text.
type recorder struct{ text string }

func (r *recorder) Publish(_ context.Context, revocation cache.Revocation) error {
	text, err := revocation.MarshalText()
	r.text = string(text)
	var back cache.Revocation
	if err == nil {
		err = back.UnmarshalText(text)
	}
	if err == nil && back != revocation {
		err = errors.New("it came back as another")
	}
	return err
}

func (*recorder) Subscribe(ctx context.Context, _ func(cache.Revocation)) error {
	<-ctx.Done()
	return ctx.Err()
}
