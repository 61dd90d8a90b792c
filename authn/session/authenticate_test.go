package session_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	claimsv1 "github.com/sallyport-rpc/sallyport/gen/test/claims/v1"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/session"
)

// The tests of time run in bubbles, where time moves on only when all goroutines wait;
// a bubble does not end before all its goroutines have, so they also show that a
// Manager starts none.

func TestPrincipal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		soon := began.Add(2 * time.Hour)
		claims := authn.Details{Roles: []string{"admin"}, Claims: &claimsv1.Claims{OrgIds: []string{"red"}}}
		manager, err := session.New(newRecorder(), func(_ context.Context, userID string) (authn.Details, error) {
			return claims, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		sent := bearer(start(t, manager, "ada"))
		time.Sleep(time.Minute)

		principal, err := manager.Authenticate(t.Context(), sent.call())
		if err != nil {
			t.Fatal(err)
		}
		if got := authn.ClaimsOf[*claimsv1.Claims](principal).GetOrgIds(); principal.ID() != "ada" || !slices.Equal(got, []string{"red"}) {
			t.Errorf("principal %s of teams %s", principal.ID(), got)
		}
		if !principal.AuthenticatedAt().Equal(began) || !principal.ExpiresAt().Equal(began.Add(24*time.Hour)) {
			t.Errorf("authenticated at %v until %v", principal.AuthenticatedAt(), principal.ExpiresAt())
		}

		// What Lookup says holds from the next call on.
		claims = authn.Details{Roles: []string{"member"}, AuthenticatedAt: began.Add(time.Hour), ExpiresAt: soon}
		principal, err = manager.Authenticate(t.Context(), sent.call())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"member"}, principal.Roles()); diff != "" {
			t.Error(diff)
		}
		if !principal.AuthenticatedAt().Equal(began) || !principal.ExpiresAt().Equal(soon) {
			t.Errorf("authenticated at %v until %v", principal.AuthenticatedAt(), principal.ExpiresAt())
		}
		claims.ExpiresAt = began.Add(48 * time.Hour)
		if principal, err = manager.Authenticate(t.Context(), sent.call()); err != nil || !principal.ExpiresAt().Equal(began.Add(24*time.Hour)) {
			t.Errorf("the session's own end was passed over: %v", err)
		}
	})
}

func TestLookupAnswers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"known":               {nil, "ada"},
		"gone":                {authn.InvalidCredential("user is gone"), "invalid"},
		"gone, wrapped":       {fmt.Errorf("users: %w", authn.InvalidCredential("user is gone")), "invalid"},
		"down":                {errors.New("connection refused"), "unavailable"},
		"down, said so":       {authn.Unavailable(errors.New("connection refused")), "unavailable"},
		"down, by a time-out": {context.DeadlineExceeded, "unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			manager, err := session.New(newRecorder(), func(context.Context, string) (authn.Details, error) {
				return authn.Details{Roles: []string{"admin"}}, test.err
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := authenticate(t, manager, bearer(start(t, manager, "ada"))); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestCallerGoesAwayDuringLookup(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	manager, err := session.New(newRecorder(), func(ctx context.Context, _ string) (authn.Details, error) {
		cancel()
		return authn.Details{}, errors.New("interrupted")
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := outcome(manager.Authenticate(ctx, bearer(start(t, manager, "ada")).call())); got != "canceled" {
		t.Errorf("got %s", got)
	}
}

func TestLifetimes(t *testing.T) {
	t.Parallel()
	const lifetime, idle = 24 * time.Hour, time.Hour
	for name, test := range map[string]struct {
		// A call every so long, from the start of the session on.
		every time.Duration
		// When the first call is refused.
		refused time.Duration
	}{
		"used without a break": {time.Minute, lifetime},
		"used now and then":    {50 * time.Minute, 29 * 50 * time.Minute},
		"used at the last":     {idle - 1, 25 * (idle - 1)},
		"not used":             {idle, idle},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				manager := newManager(t, newRecorder(), session.WithLifetime(lifetime), session.WithIdleTimeout(idle))
				began := time.Now()
				sent := bearer(start(t, manager, "ada"))
				for authenticate(t, manager, sent) == "ada" {
					time.Sleep(test.every)
				}
				if refused := time.Since(began); refused != test.refused {
					t.Errorf("refused after %v, want %v", refused, test.refused)
				}
				time.Sleep(lifetime)
				if got := authenticate(t, manager, sent); got != "invalid" {
					t.Errorf("later: %s", got)
				}
			})
		})
	}
}

func TestDefaultLifetimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		manager := newManager(t, newRecorder())
		unused, used := bearer(start(t, manager, "ada")), bearer(start(t, manager, "ada"))
		for range 24 * 60 / 30 {
			if got := authenticate(t, manager, used); got != "ada" {
				t.Fatalf("in use: %s", got)
			}
			time.Sleep(30 * time.Minute)
		}
		if got := authenticate(t, manager, used); got != "invalid" {
			t.Errorf("after a day: %s", got)
		}
		if got := authenticate(t, manager, unused); got != "invalid" {
			t.Errorf("not used: %s", got)
		}
	})
}

func TestShorterSettingsHoldForOlderSessions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newRecorder()
		before := newManager(t, store)
		shorter := newManager(t, store, session.WithLifetime(10*time.Minute))
		lazier := newManager(t, store, session.WithIdleTimeout(10*time.Minute))
		sent := bearer(start(t, before, "ada"))
		time.Sleep(10*time.Minute - 1)
		for _, manager := range []*session.Manager{shorter, lazier} {
			if got := authenticate(t, manager, sent); got != "ada" {
				t.Errorf("just before: %s", got)
			}
		}
		// That use was written down. Leave it to idle out.
		time.Sleep(10 * time.Minute)
		for _, manager := range []*session.Manager{shorter, lazier} {
			if got := authenticate(t, manager, sent); got != "invalid" {
				t.Errorf("after: %s", got)
			}
		}
		if got := authenticate(t, before, sent); got != "ada" {
			t.Errorf("by the settings of old: %s", got)
		}
	})
}

func TestRefreshesSeldom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newRecorder()
		manager := newManager(t, store, session.WithIdleTimeout(time.Hour))
		sent := bearer(start(t, manager, "ada"))
		writes := store.written()
		for range 2 * 60 * 60 {
			if got := authenticate(t, manager, sent); got != "ada" {
				t.Fatal(got)
			}
			time.Sleep(time.Second)
		}
		if got := store.written() - writes; got != 19 {
			t.Errorf("two hours of calls wrote %d times, want once in 6 minutes", got)
		}
	})
}

func TestIdleTimeoutIsATenthEarlyAtMost(t *testing.T) {
	t.Parallel()
	for _, pause := range []time.Duration{time.Second, 6*time.Minute - 1, 6 * time.Minute, 30 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			manager := newManager(t, newRecorder(), session.WithIdleTimeout(time.Hour))
			sent := bearer(start(t, manager, "ada"))
			time.Sleep(pause)
			if got := authenticate(t, manager, sent); got != "ada" {
				t.Fatal(got)
			}
			time.Sleep(54 * time.Minute)
			if got := authenticate(t, manager, sent); got != "ada" {
				t.Errorf("54 minutes after a use at %v: %s", pause, got)
			}
			time.Sleep(time.Hour)
			if got := authenticate(t, manager, sent); got != "invalid" {
				t.Errorf("an hour after that: %s", got)
			}
		})
	}
}

// TestRefreshBringsNothingBack ends a session while a call of it is being
// authenticated, just before that call writes down that the session is in use.
func TestRefreshBringsNothingBack(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, manager *session.Manager, sent headers){
		"End":    func(t *testing.T, manager *session.Manager, sent headers) { within(t, sent, manager.End) },
		"EndAll": func(t *testing.T, manager *session.Manager, _ headers) { _ = manager.EndAll(t.Context(), "ada") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := newRecorder()
				manager := newManager(t, store)
				sent := bearer(start(t, manager, "ada"))
				time.Sleep(30 * time.Minute)
				raced := false
				store.hook(func(operation string) error {
					if operation == "commit" && !raced {
						raced = true
						end(t, manager, sent)
					}
					return nil
				})
				authenticate(t, manager, sent)
				if !raced {
					t.Fatal("the call wrote nothing")
				}
				if got := authenticate(t, manager, sent); got != "invalid" {
					t.Errorf("after %s: %s", name, got)
				}
			})
		})
	}
}

// TestEndedSessionsNeverReturn waits until the mark that EndAll left has expired.
func TestEndedSessionsNeverReturn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const longest = 400 * 24 * time.Hour
		store := newRecorder()
		manager := newManager(t, store, session.WithLifetime(longest), session.WithIdleTimeout(2*longest))
		ended := bearer(start(t, manager, "ada"))
		time.Sleep(time.Second)
		if err := manager.EndAll(t.Context(), "ada"); err != nil {
			t.Fatal(err)
		}
		// These begin under the mark and outlive it.
		time.Sleep(300 * 24 * time.Hour)
		later := bearer(start(t, manager, "ada"))
		for range 200 {
			if got := authenticate(t, manager, ended); got != "invalid" {
				t.Fatalf("the ended session: %s", got)
			}
			if got := authenticate(t, manager, later); got != "ada" {
				t.Fatalf("the later session: %s", got)
			}
			time.Sleep(24 * time.Hour)
		}
	})
}

func TestFailedRefreshIsNotHidden(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newRecorder()
		manager := newManager(t, store)
		sent := bearer(start(t, manager, "ada"))
		time.Sleep(30 * time.Minute)
		store.hook(func(operation string) error {
			if operation == "commit" {
				return errors.New("disk full")
			}
			return nil
		})
		if got := authenticate(t, manager, sent); got != "unavailable" {
			t.Errorf("got %s", got)
		}
	})
}

// A session knows when its user signed in, so an action may ask for a recent sign-in.
func TestReportsAuthenticationTime(t *testing.T) {
	t.Parallel()
	var reporter authn.FreshnessReporter = newManager(t, newRecorder())
	if !reporter.ReportsAuthenticationTime() {
		t.Error("it does not")
	}
}

// An entry that is no JSON is a fault, whichever of the three it is.
func TestSpoiltEntryIsAFault(t *testing.T) {
	t.Parallel()
	store := newRecorder()
	manager := newManager(t, store)
	token := start(t, manager, "ada")
	entries, err := store.All()
	if err != nil || len(entries) != 3 {
		t.Fatal(len(entries), err)
	}
	for key, entry := range entries {
		for _, written := range [][]byte{nil, []byte("nonsense"), entry[:len(entry)-1], entry} {
			if err := store.MemStore.Commit(key, written, time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			want := "fault"
			if len(written) == len(entry) {
				want = "ada"
			}
			if got := authenticate(t, manager, bearer(token)); got != want {
				t.Errorf("with %q in place of %s: %s, want %s", written, entry, got, want)
			}
		}
	}
}

func TestUnreadableEntriesAreFaults(t *testing.T) {
	t.Parallel()
	for _, written := range []string{"", "nonsense", "{", "null", "{}", `{"user":""}`, `{"user":7}`, `{"epoch":""}`, "\xff"} {
		store := newRecorder()
		manager := newManager(t, store)
		token := start(t, manager, "ada")
		entries, err := store.All()
		if err != nil {
			t.Fatal(err)
		}
		for key := range entries {
			if err := store.MemStore.Commit(key, []byte(written), time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			if got := authenticate(t, manager, bearer(token)); got != "fault" && got != "invalid" {
				t.Errorf("with %q in the store: %s", written, got)
			}
		}
		if _, err := manager.Start(t.Context(), "ada"); err == nil {
			t.Errorf("Start with %q for the epoch succeeded", written)
		}
	}
}
