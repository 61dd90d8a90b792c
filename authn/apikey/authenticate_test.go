package apikey_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	claimsv1 "github.com/sallyport-rpc/sallyport/gen/test/claims/v1"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/apikey"
)

// The tests of time run in bubbles, where time moves on only when all goroutines wait;
// a bubble does not end before all its goroutines have, so they also show that a
// Manager starts none.

func TestPrincipal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var claims authn.Details
		var asked apikey.Key
		manager, err := apikey.New(newMemory(), func(_ context.Context, key apikey.Key) (authn.Details, error) {
			asked = key
			return claims, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		key, text := issue(t, manager, "ada", "files.read", "files.write")
		for name, test := range map[string]struct {
			claims  authn.Details
			scopes  []string
			expires time.Time
		}{
			"no claims": {authn.Details{}, nil, began.Add(time.Hour)},
			"all scopes": {
				authn.Details{Scopes: []string{"files.write", "files.read"}},
				[]string{"files.read", "files.write"}, began.Add(time.Hour),
			},
			"one scope":     {authn.Details{Scopes: []string{"files.write"}}, []string{"files.write"}, began.Add(time.Hour)},
			"another scope": {authn.Details{Scopes: []string{"files", "files.read.all"}}, nil, began.Add(time.Hour)},
			"ends earlier":  {authn.Details{ExpiresAt: began.Add(time.Minute)}, nil, began.Add(time.Minute)},
			"ends later":    {authn.Details{ExpiresAt: began.Add(2 * time.Hour)}, nil, began.Add(time.Hour)},
			"signed in":     {authn.Details{AuthenticatedAt: began}, nil, began.Add(time.Hour)},
		} {
			claims = test.claims
			claims.Roles, claims.Claims = []string{name}, &claimsv1.Claims{OrgIds: []string{"red"}}
			principal, err := manager.Authenticate(t.Context(), bearer(text).call())
			if err != nil {
				t.Fatal(err)
			}
			if team := authn.ClaimsOf[*claimsv1.Claims](principal).GetOrgIds(); principal.ID() != "ada" || !slices.Equal(team, []string{"red"}) {
				t.Errorf("%s: principal %s of teams %s", name, principal.ID(), team)
			}
			if diff := cmp.Diff([]string{name}, principal.Roles()); diff != "" {
				t.Errorf("%s: roles %s", name, diff)
			}
			if diff := cmp.Diff(test.scopes, principal.Scopes()); diff != "" {
				t.Errorf("%s: scopes %s", name, diff)
			}
			if !principal.AuthenticatedAt().IsZero() {
				t.Errorf("%s: authenticated at %v, which no key says", name, principal.AuthenticatedAt())
			}
			if !principal.ExpiresAt().Equal(test.expires) {
				t.Errorf("%s: until %v, want %v", name, principal.ExpiresAt(), test.expires)
			}
			asked.LastUsedAt = time.Time{}
			if diff := cmp.Diff(key, asked); diff != "" {
				t.Errorf("%s: lookup was asked about %s", name, diff)
			}
		}
		if _, reports := any(manager).(authn.FreshnessReporter); reports {
			t.Error("the manager says that it knows when owners signed in")
		}
		if got := manager.Challenge(authn.Denial{}); got != `Bearer realm="apikey"` {
			t.Errorf("Challenge = %q", got)
		}
	})
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	for _, lifetime := range []time.Duration{time.Second, time.Hour, 10 * 365 * 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			manager := newManager(t, newMemory())
			_, text, err := manager.Issue(t.Context(), "ada", "", nil, time.Now().Add(lifetime))
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(lifetime - time.Nanosecond)
			if got := authenticate(t, manager, bearer(text)); got != "ada" {
				t.Errorf("just before: %s", got)
			}
			time.Sleep(time.Nanosecond)
			if got := authenticate(t, manager, bearer(text)); got != "invalid" {
				t.Errorf("in time: %s", got)
			}
			time.Sleep(lifetime)
			if got := authenticate(t, manager, bearer(text)); got != "invalid" {
				t.Errorf("later: %s", got)
			}
		})
	}
}

func TestLookupDecides(t *testing.T) {
	t.Parallel()
	var answer error
	manager, err := apikey.New(newMemory(), func(context.Context, apikey.Key) (authn.Details, error) {
		return authn.Details{}, answer
	})
	if err != nil {
		t.Fatal(err)
	}
	_, text := issue(t, manager, "ada")
	for _, test := range []struct {
		answer error
		want   string
	}{
		{nil, "ada"},
		{authn.InvalidCredential("user is disabled"), "invalid"},
		{fmt.Errorf("look: %w", authn.InvalidCredential("user is gone")), "invalid"},
		{errors.New("connection refused"), "unavailable"},
		{authn.Unavailable(errors.New("down")), "unavailable"},
		{context.DeadlineExceeded, "unavailable"},
		// There is a credential, so no other scheme may be asked.
		{authn.ErrNoCredential, "fault"},
		{fmt.Errorf("look: %w", authn.ErrNoCredential), "fault"},
		{errors.Join(authn.ErrNoCredential, authn.InvalidCredential("gone")), "fault"},
		{nil, "ada"},
	} {
		answer = test.answer
		if got := authenticate(t, manager, bearer(text)); got != test.want {
			t.Errorf("where Lookup says %v: %s, want %s", test.answer, got, test.want)
		}
	}
}

func TestStoreFails(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		failing string
		with    error
		want    string
	}{
		{"find", errors.New("connection refused"), "unavailable"},
		{"find", context.DeadlineExceeded, "unavailable"},
		{"find", authn.ErrNoCredential, "fault"},
		// What a call did not need does not fail it.
		{"mark used", errors.New("disk full"), "ada"},
		{"mark used", authn.InvalidCredential("odd"), "ada"},
		{"list", errors.New("connection refused"), "ada"},
	} {
		store := newMemory()
		manager := newManager(t, store)
		_, text := issue(t, manager, "ada")
		store.hook(func(_ context.Context, operation string) error {
			if operation == test.failing {
				return test.with
			}
			return nil
		})
		if got := authenticate(t, manager, bearer(text)); got != test.want {
			t.Errorf("where %s fails with %v: %s, want %s", test.failing, test.with, got, test.want)
		}
		store.hook(nil)
		if got := authenticate(t, manager, bearer(text)); got != "ada" {
			t.Errorf("later: %s", got)
		}
	}
}

func TestCallerGoesAway(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"find", "lookup", "mark used"} {
		store := newMemory()
		ctx, leave := context.WithCancel(t.Context())
		manager, err := apikey.New(store, func(ctx context.Context, key apikey.Key) (authn.Details, error) {
			if at == "lookup" {
				leave()
			}
			return authn.Details{}, ctx.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		_, text := issue(t, manager, "ada")
		store.hook(func(ctx context.Context, operation string) error {
			if operation == at {
				leave()
			}
			return ctx.Err()
		})
		want := "canceled"
		if at == "mark used" {
			want = "ada" // the gate looks at the context itself
		}
		if got := outcome(manager.Authenticate(ctx, bearer(text).call())); got != want {
			t.Errorf("who leaves at %s: %s, want %s", at, got, want)
		}
		leave()
	}
}

// TestUnsoundRecords reads what no Manager writes.
func TestUnsoundRecords(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		edit func(record *apikey.Record)
		want string
	}{
		"no owner":      {func(record *apikey.Record) { record.Owner = "" }, "fault"},
		"no hash":       {func(record *apikey.Record) { record.Hash = [32]byte{} }, "invalid"},
		"other hash":    {func(record *apikey.Record) { record.Hash[31] ^= 1 }, "invalid"},
		"no expiry":     {func(record *apikey.Record) { record.ExpiresAt = time.Time{} }, "invalid"},
		"future use":    {func(record *apikey.Record) { record.LastUsedAt = time.Now().Add(time.Hour) }, "ada"},
		"no name":       {func(record *apikey.Record) { record.Name = "" }, "ada"},
		"no start":      {func(record *apikey.Record) { record.CreatedAt = time.Time{} }, "ada"},
		"another owner": {func(record *apikey.Record) { record.Owner = "bob" }, "bob"},
	} {
		store := newMemory()
		manager := newManager(t, store)
		_, text := issue(t, manager, "ada")
		store.change(test.edit)
		if got := authenticate(t, manager, bearer(text)); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestUseIsWrittenSeldom(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		interval time.Duration
		writes   int
	}{{0, 600}, {time.Second, 600}, {time.Minute, 10}, {time.Hour, 1}} {
		synctest.Test(t, func(t *testing.T) {
			store := newMemory()
			manager := newManager(t, store, apikey.WithUseInterval(test.interval))
			_, text := issue(t, manager, "ada")
			asked := 0
			store.hook(func(_ context.Context, operation string) error {
				if operation == "mark used" {
					asked++
				}
				return nil
			})
			for range 600 {
				if got := authenticate(t, manager, bearer(text)); got != "ada" {
					t.Fatal(got)
				}
				keys, err := manager.List(t.Context(), "ada")
				if err != nil || len(keys) != 1 {
					t.Fatal(keys, err)
				}
				if ago := time.Since(keys[0].LastUsedAt); ago > test.interval {
					t.Fatalf("used now, and by the list %v ago", ago)
				}
				time.Sleep(time.Second)
			}
			if got := store.written(); got != test.writes || asked != test.writes {
				t.Errorf("ten minutes of calls with an interval of %v wrote %d times, and asked for it %d times, want %d", test.interval, got, asked, test.writes)
			}
		})
	}
}

// TestRefusedIsNoUse looks for a last use of a key that was refused.
func TestRefusedIsNoUse(t *testing.T) {
	t.Parallel()
	store := newMemory()
	manager, err := apikey.New(store, func(context.Context, apikey.Key) (authn.Details, error) {
		return authn.Details{}, authn.InvalidCredential("disabled")
	})
	if err != nil {
		t.Fatal(err)
	}
	_, text := issue(t, manager, "ada")
	for _, token := range []string{text, reseal(text[:len(text)-8] + "a"), reseal(text[:len(text)-8] + "b")} {
		if got := authenticate(t, manager, bearer(token)); got != "invalid" {
			t.Error(got)
		}
	}
	if got := store.written(); got != 0 {
		t.Errorf("wrote %d times", got)
	}
}

// TestSlowMarkDelaysAMoment has a store that takes no writes and gives up only when
// it is due.
func TestSlowMarkDelaysAMoment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		manager := newManager(t, store)
		_, text := issue(t, manager, "ada")
		store.hook(func(ctx context.Context, operation string) error {
			if operation == "mark used" {
				<-ctx.Done()
			}
			return ctx.Err()
		})
		began := time.Now()
		if got := authenticate(t, manager, bearer(text)); got != "ada" {
			t.Error(got)
		}
		if took := time.Since(began); took != 250*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
}

// What waits for a use to be stored does not outlive the call.
func TestMarkEndsWithTheCall(t *testing.T) {
	t.Parallel()
	store := newMemory()
	manager := newManager(t, store)
	_, text := issue(t, manager, "ada")
	marking := make(chan context.Context, 1)
	store.hook(func(ctx context.Context, operation string) error {
		if operation == "mark used" {
			marking <- ctx
		}
		return nil
	})
	if got := authenticate(t, manager, bearer(text)); got != "ada" || len(marking) != 1 {
		t.Fatal(got, len(marking))
	}
	if err := (<-marking).Err(); !errors.Is(err, context.Canceled) {
		t.Errorf("the context of the write, after the call: %v", err)
	}
}

// TestMarkBringsNothingBack revokes a key while a call of it is being authenticated,
// just before that call writes down that the key is in use.
func TestMarkBringsNothingBack(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store apikey.Store) {
		raced := &racing{Store: store}
		manager := newManager(t, raced)
		key, text := issue(t, manager, "ada")
		raced.between = func() {
			if err := manager.Revoke(t.Context(), "ada", key.ID); err != nil {
				t.Error(err)
			}
		}
		authenticate(t, manager, bearer(text))
		if raced.between != nil {
			t.Fatal("the call wrote nothing")
		}
		if got := authenticate(t, manager, bearer(text)); got != "invalid" {
			t.Errorf("after Revoke: %s", got)
		}
		if keys, err := manager.List(t.Context(), "ada"); err != nil || len(keys) != 0 {
			t.Errorf("after Revoke: %v, %v", keys, err)
		}
	})
}

// racing is a store that lets a test in, once, before it marks a key.
type racing struct {
	apikey.Store

	between func()
}

func (r *racing) MarkUsed(ctx context.Context, id string, at, notAfter time.Time) error {
	if r.between != nil {
		r.between()
		r.between = nil
	}
	return r.Store.MarkUsed(ctx, id, at, notAfter)
}

// TestOwnersAreNeverCrossed uses keys of many owners at once, issued and revoked
// meanwhile.
func TestOwnersAreNeverCrossed(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store apikey.Store) {
		manager := newManager(t, store, apikey.WithUseInterval(0))
		var group sync.WaitGroup
		for _, owner := range []string{"ada", "bob", "eve", "joe"} {
			group.Go(func() {
				for range 10 {
					key, text := issue(t, manager, owner)
					for range 3 {
						if got := authenticate(t, manager, bearer(text)); got != owner {
							t.Errorf("%s was taken for %s", owner, got)
						}
					}
					if err := manager.Revoke(t.Context(), owner, key.ID); err != nil {
						t.Error(err)
					}
					if got := authenticate(t, manager, bearer(text)); got != "invalid" {
						t.Errorf("after Revoke: %s", got)
					}
				}
			})
		}
		group.Wait()
	})
}

// A key is a scoped credential, also one without scopes; only one that was issued as
// unscoped is not, even where the lookup says so.
func TestScopedKeys(t *testing.T) {
	t.Parallel()
	for name, saysUnscoped := range map[string]bool{"lookup says nothing": false, "lookup says unscoped": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lookup := func(context.Context, apikey.Key) (authn.Details, error) {
				return authn.Details{Unscoped: saysUnscoped, Scopes: []string{"files.read", "files.write"}}, nil
			}
			manager, err := apikey.New(migrated(t, apikey.SQLite(openSQLite(t))), lookup)
			if err != nil {
				t.Fatal(err)
			}
			expires := time.Now().Add(time.Hour)
			tests := map[string]struct {
				issue    func() (apikey.Key, string, error)
				unscoped bool
				scopes   []string
			}{
				"of one scope": {func() (apikey.Key, string, error) {
					return manager.Issue(t.Context(), "ada", "", []string{"files.read"}, expires)
				}, false, []string{"files.read"}},
				"of no scope": {func() (apikey.Key, string, error) {
					return manager.Issue(t.Context(), "ada", "", nil, expires)
				}, false, nil},
				"unscoped": {func() (apikey.Key, string, error) {
					return manager.IssueUnscoped(t.Context(), "ada", "", expires)
				}, true, []string{"files.read", "files.write"}},
			}
			for name, test := range tests {
				key, text, err := test.issue()
				if err != nil || key.Unscoped != test.unscoped {
					t.Fatalf("%s: %+v, %v", name, key, err)
				}
				principal, err := manager.Authenticate(t.Context(), bearer(text).call())
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if principal.Scoped() == test.unscoped || !slices.Equal(principal.Scopes(), test.scopes) {
					t.Errorf("%s: scoped %t with %q", name, principal.Scoped(), principal.Scopes())
				}
			}
		})
	}
}
