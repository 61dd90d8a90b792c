package session_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/session"
)

// TestStoreLosesEntries has a store lose each of its entries in turn, as one does that
// evicts or fails over. What was ended stays ended, and what had not ended does not
// become another user's.
func TestStoreLosesEntries(t *testing.T) {
	t.Parallel()
	for lost := range 8 {
		t.Run(strconv.Itoa(lost), func(t *testing.T) {
			t.Parallel()
			store := newRecorder()
			manager := newManager(t, store)
			var ended []string
			for range 2 {
				ended = append(ended, start(t, manager, "ada"))
			}
			if err := manager.EndAll(t.Context(), "ada"); err != nil {
				t.Fatal(err)
			}
			live := start(t, manager, "ada")
			all, err := store.All()
			if err != nil || len(all) != 7 {
				t.Fatalf("%d entries, %v", len(all), err)
			}
			keys := make([]string, 0, len(all))
			for key := range all {
				keys = append(keys, key)
			}
			slices.Sort(keys)
			for i, key := range keys {
				// The last round loses all of them.
				if i == lost || lost == len(keys) {
					if err := store.Delete(key); err != nil {
						t.Fatal(err)
					}
				}
			}
			check := func(when string) {
				t.Helper()
				for _, token := range ended {
					if got := authenticate(t, manager, bearer(token)); got != "invalid" {
						t.Errorf("%s: a session that was ended: %s", when, got)
					}
				}
				if got := authenticate(t, manager, bearer(live)); got != "invalid" && got != "ada" {
					t.Errorf("%s: the live session: %s", when, got)
				}
			}
			check("at once")
			again := start(t, manager, "ada")
			check("after another sign-in")
			if got := authenticate(t, manager, bearer(again)); got != "ada" {
				t.Errorf("a new session: %s", got)
			}
		})
	}
}

// An epoch serves for years, and the sessions that it began live as long as they would
// otherwise.
func TestEpochLasts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const day = 24 * time.Hour
		manager := newManager(t, newRecorder(), session.WithLifetime(400*day), session.WithIdleTimeout(400*day))
		var last string
		for range 12 * 365 / 100 {
			token := start(t, manager, "ada")
			if last != "" && authenticate(t, manager, bearer(last)) != "ada" {
				t.Logf("the sessions before %v ended together", time.Now())
			}
			last = token
			time.Sleep(100 * day)
			if got := authenticate(t, manager, bearer(last)); got != "ada" {
				t.Fatalf("after 100 days at %v: %s", time.Now(), got)
			}
		}
		time.Sleep(299 * day)
		if got := authenticate(t, manager, bearer(last)); got != "ada" {
			t.Errorf("after 399 days: %s", got)
		}
		time.Sleep(day)
		if got := authenticate(t, manager, bearer(last)); got != "invalid" {
			t.Errorf("after 400 days: %s", got)
		}
	})
}

// TestRestoredStore puts a store back to an older dump, which has a session again that
// was ended since. The users' own database knows better.
func TestRestoredStore(t *testing.T) {
	t.Parallel()
	for name, counted := range map[string]bool{"without generations": false, "with generations": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			generations := map[string]string{"ada": "1", "bob": "1"}
			var options []session.Option
			if counted {
				options = append(options, session.WithGeneration(func(_ context.Context, userID string) (string, error) {
					return generations[userID], nil
				}))
			}
			store := newRecorder()
			manager := newManager(t, store, options...)
			ada, bob := start(t, manager, "ada"), start(t, manager, "bob")
			dump, err := store.All()
			if err != nil {
				t.Fatal(err)
			}
			generations["ada"] = "2"
			if err := manager.EndAll(t.Context(), "ada"); err != nil {
				t.Fatal(err)
			}
			again := start(t, manager, "ada")
			for _, check := range [][3]string{{"ended", ada, "invalid"}, {"started again", again, "ada"}, {"another user's", bob, "bob"}} {
				if got := authenticate(t, manager, bearer(check[1])); got != check[2] {
					t.Errorf("%s: %s, want %s", check[0], got, check[2])
				}
			}
			for key, data := range dump {
				if err := store.Commit(key, data, time.Now().Add(time.Hour)); err != nil {
					t.Fatal(err)
				}
			}
			want := "ada" // which the package says that it cannot prevent
			if counted {
				want = "invalid"
			}
			if got := authenticate(t, manager, bearer(ada)); got != want {
				t.Errorf("ended, and restored: %s, want %s", got, want)
			}
			if got := authenticate(t, manager, bearer(bob)); got != "bob" {
				t.Errorf("another user's: %s", got)
			}
		})
	}
}

// A store that keeps nothing starts no session.
func TestForgetfulStore(t *testing.T) {
	t.Parallel()
	manager := newManager(t, forgetful{newRecorder()})
	if token, err := manager.Start(t.Context(), "ada"); token != "" || outcome(nil, err) != "unavailable" {
		t.Errorf("%q, %v", token, err)
	}
}

type forgetful struct{ *recorder }

func (forgetful) Commit(string, []byte, time.Time) error { return nil }

func TestGeneration(t *testing.T) {
	t.Parallel()
	store, down := newRecorder(), errors.New("connection refused")
	before := start(t, newManager(t, store), "ada")
	current, failure := "1", error(nil)
	manager := newManager(t, store, session.WithGeneration(func(context.Context, string) (string, error) { return current, failure }))
	token := start(t, manager, "ada")
	for _, test := range []struct {
		name, token, current string
		failure              error
		want                 string
	}{
		{"the same", token, "1", nil, "ada"},
		{"another", token, "2", nil, "invalid"},
		{"an older one", token, "0", nil, "invalid"},
		{"none", token, "", nil, "fault"},
		{"beside an error", token, "1", down, "unavailable"},
		{"a user who is gone", token, "1", authn.InvalidCredential("gone"), "invalid"},
		{"no credential", token, "1", authn.ErrNoCredential, "fault"},
		{"the same again", token, "1", nil, "ada"},
		{"a session from before there were any", before, "1", nil, "invalid"},
	} {
		current, failure = test.current, test.failure
		if got := authenticate(t, manager, bearer(test.token)); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
		_, err := manager.Start(t.Context(), "ada")
		if (err == nil) != (test.current != "" && test.failure == nil) {
			t.Errorf("%s: Start: %v", test.name, err)
		}
	}
}

// Where generations are no longer counted, a session that has one lives on.
func TestGenerationNoLongerCounted(t *testing.T) {
	t.Parallel()
	store := newRecorder()
	token := start(t, newManager(t, store, session.WithGeneration(func(context.Context, string) (string, error) { return "1", nil })), "ada")
	if got := authenticate(t, newManager(t, store), bearer(token)); got != "ada" {
		t.Error(got)
	}
}

// TestHalfEnded fails the second of the two deletes by which a session ends. The
// session has ended, End says that it failed, and live streams are rechecked.
func TestHalfEnded(t *testing.T) {
	t.Parallel()
	for failing, want := range map[int]string{1: "ada", 2: "invalid"} {
		store := newRecorder()
		manager := newManager(t, store)
		token := start(t, manager, "ada")
		rechecked := 0
		manager.OnRevoke(func(userID string) {
			if userID == "ada" {
				rechecked++
			}
		})
		deletes := 0
		store.hook(func(operation string) error {
			if operation == "delete" {
				deletes++
			}
			if operation == "delete" && deletes == failing {
				return errors.New("connection reset")
			}
			return nil
		})
		within(t, bearer(token), func(ctx context.Context) error {
			if err := manager.End(ctx); outcome(nil, err) != "unavailable" {
				t.Errorf("delete %d fails: End: %v", failing, err)
			}
			return nil
		})
		store.hook(nil)
		if got := authenticate(t, manager, bearer(token)); got != want || rechecked != 1 {
			t.Errorf("delete %d fails: %s, %d rechecks", failing, got, rechecked)
		}
		within(t, bearer(token), manager.End)
		if got := authenticate(t, manager, bearer(token)); got != "invalid" {
			t.Errorf("ended again: %s", got)
		}
	}
}
