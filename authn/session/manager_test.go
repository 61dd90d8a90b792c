package session_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/session"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	store := newRecorder()
	manager := newManager(t, store)
	shape := regexp.MustCompile(`^ses_[0-9A-Za-z_-]{43}$`)
	seen := make(map[string]bool)
	for range 100 {
		token := start(t, manager, "ada")
		if !shape.MatchString(token) || seen[token] {
			t.Errorf("token %q", token)
		}
		seen[token] = true
		authenticate(t, manager, bearer(token))
	}
	for _, text := range store.everything() {
		for token := range seen {
			if strings.Contains(text, token[4:]) {
				t.Fatalf("the store was given the token %s in %s", token, text)
			}
		}
	}
}

func TestStartNeedsAUser(t *testing.T) {
	t.Parallel()
	manager := newManager(t, newRecorder())
	for _, userID := range []string{"", "ada\xff"} {
		if token, err := manager.Start(t.Context(), userID); token != "" || err == nil {
			t.Errorf("Start(%q) = %q, %v", userID, token, err)
		}
	}
	if err := manager.EndAll(t.Context(), ""); err == nil {
		t.Error("EndAll without a user succeeded")
	}
}

func TestStartEndsWhatCameBefore(t *testing.T) {
	t.Parallel()
	crossSite := [2]string{"Sec-Fetch-Site", "cross-site"}
	for name, test := range map[string]struct {
		sent  func(one, two string) headers
		ended [2]bool
	}{
		"nothing":             {func(string, string) headers { return nil }, [2]bool{false, false}},
		"cookie":              {func(one, _ string) headers { return cookie(one) }, [2]bool{true, false}},
		"bearer":              {func(one, _ string) headers { return bearer(one) }, [2]bool{true, false}},
		"one of each":         {func(one, two string) headers { return append(cookie(one), bearer(two)...) }, [2]bool{true, true}},
		"cross-site cookie":   {func(one, _ string) headers { return append(cookie(one), crossSite) }, [2]bool{false, false}},
		"cross-site bearer":   {func(one, _ string) headers { return append(bearer(one), crossSite) }, [2]bool{true, false}},
		"malformed":           {func(one, _ string) headers { return bearer(one + "A") }, [2]bool{false, false}},
		"malformed and a use": {func(one, two string) headers { return append(cookie(one), bearer(two+" ")...) }, [2]bool{true, false}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for operation, do := range map[string]func(*session.Manager, context.Context) error{
				"Start": func(m *session.Manager, ctx context.Context) error { _, err := m.Start(ctx, "bob"); return err },
				"End":   func(m *session.Manager, ctx context.Context) error { return m.End(ctx) },
			} {
				manager := newManager(t, newRecorder())
				tokens := [2]string{start(t, manager, "ada"), start(t, manager, "ada")}
				within(t, test.sent(tokens[0], tokens[1]), func(ctx context.Context) error { return do(manager, ctx) })
				for i, token := range tokens {
					if ended := authenticate(t, manager, bearer(token)) == "invalid"; ended != test.ended[i] {
						t.Errorf("%s: session %d ended: %v, want %v", operation, i+1, ended, test.ended[i])
					}
				}
			}
		})
	}
}

func TestEnd(t *testing.T) {
	t.Parallel()
	store := newRecorder()
	manager := newManager(t, store)
	token, other := start(t, manager, "ada"), start(t, manager, "ada")
	within(t, cookie(token), manager.End)
	within(t, cookie(token), manager.End)
	within(t, nil, manager.End)
	if err := manager.End(t.Context()); err != nil {
		t.Errorf("End outside a call: %v", err)
	}
	if got := authenticate(t, manager, cookie(token)); got != "invalid" {
		t.Errorf("after End: %s", got)
	}
	if got := authenticate(t, manager, cookie(other)); got != "ada" {
		t.Errorf("the user's other session: %s", got)
	}
	if left, err := store.All(); err != nil || len(left) != 2+1 {
		t.Errorf("the store holds %d entries, want the 2 of the other session and the user's epoch; %v", len(left), err)
	}
}

func TestEndAll(t *testing.T) {
	t.Parallel()
	store := newRecorder()
	here, there := newManager(t, store), newManager(t, store)
	var tokens []string
	for range 5 {
		tokens = append(tokens, start(t, here, "ada"), start(t, there, "ada"))
	}
	bob := start(t, here, "bob")
	// Other ids that a careless key could mistake for hers.
	near := []string{start(t, here, "ad"), start(t, here, "adaa"), start(t, here, "Ada"), start(t, here, "ada\x00")}

	operations := 0
	store.hook(func(string) error { operations++; return nil })
	if err := here.EndAll(t.Context(), "ada"); err != nil {
		t.Fatal(err)
	}
	store.hook(nil)
	if operations != 1 {
		t.Errorf("EndAll took %d operations, want one", operations)
	}
	for _, token := range tokens {
		for _, manager := range []*session.Manager{here, there} {
			if got := authenticate(t, manager, bearer(token)); got != "invalid" {
				t.Errorf("after EndAll: %s", got)
			}
		}
	}
	for _, token := range append(near, bob) {
		if got := authenticate(t, there, bearer(token)); got == "invalid" {
			t.Error("EndAll ended another user's session")
		}
	}

	again := start(t, there, "ada")
	if got := authenticate(t, here, bearer(again)); got != "ada" {
		t.Errorf("a session started after EndAll: %s", got)
	}
	if err := there.EndAll(t.Context(), "ada"); err != nil {
		t.Fatal(err)
	}
	for _, token := range append(tokens, again) {
		if got := authenticate(t, here, bearer(token)); got != "invalid" {
			t.Errorf("after the second EndAll: %s", got)
		}
	}
	if got := authenticate(t, here, bearer(start(t, here, "ada"))); got != "ada" {
		t.Errorf("a session started after the second EndAll: %s", got)
	}
}

// TestEndAllDuringStart ends all sessions before each operation of a Start. The new
// session counts as started before that, and has ended, or as started after it; an
// older one has ended in any case.
func TestEndAllDuringStart(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		older bool
		want  []string // by operation
	}{
		"the first session": {want: []string{"ada", "ada", "ada", "invalid", "invalid"}},
		"another session":   {older: true, want: []string{"ada", "invalid", "invalid"}},
	} {
		for operation, want := range test.want {
			store := newRecorder()
			manager := newManager(t, store)
			var older string
			if test.older {
				older = start(t, manager, "ada")
			}
			count := 0
			store.hook(func(string) error {
				if count++; count <= operation {
					return nil
				}
				store.hook(nil)
				return manager.EndAll(t.Context(), "ada")
			})
			if got := authenticate(t, manager, bearer(start(t, manager, "ada"))); got != want {
				t.Errorf("%s, operation %d: the new session is %s, want %s", name, operation, got, want)
			}
			if test.older && authenticate(t, manager, bearer(older)) != "invalid" {
				t.Errorf("%s, operation %d: the older session did not end", name, operation)
			}
		}
	}
}

func TestStoreDown(t *testing.T) {
	t.Parallel()
	store := newRecorder()
	manager := newManager(t, store)
	token := start(t, manager, "ada")
	down := errors.New("connection refused")
	for name, do := range map[string]func(ctx context.Context) error{
		"Start": func(ctx context.Context) error { _, err := manager.Start(ctx, "ada"); return err },
		"rotation": func(ctx context.Context) (err error) {
			within(t, bearer(token), func(call context.Context) error {
				call, cancel := context.WithCancel(call)
				defer cancel()
				if ctx.Err() != nil {
					cancel()
				}
				_, err = manager.Start(call, "ada")
				return nil
			})
			return err
		},
		"EndAll":       func(ctx context.Context) error { return manager.EndAll(ctx, "ada") },
		"Authenticate": func(ctx context.Context) error { _, err := manager.Authenticate(ctx, bearer(token).call()); return err },
	} {
		store.hook(func(string) error { return down })
		if err := do(t.Context()); !errors.Is(err, authn.ErrUnavailable) || !errors.Is(err, down) {
			t.Errorf("%s with the store down: %v", name, err)
		} else if strings.Contains(err.Error(), token[4:]) {
			t.Errorf("%s: the error repeats the token: %v", name, err)
		}
		store.hook(nil)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := do(gone); !errors.Is(err, context.Canceled) || errors.Is(err, authn.ErrUnavailable) {
			t.Errorf("%s with the caller gone: %v", name, err)
		}
	}
	if got := authenticate(t, manager, bearer(token)); got != "ada" {
		t.Errorf("once the store is up again: %s", got)
	}
}

// An entry that the store fails to read is an outage, whichever of the three it is, and
// not the end of the session.
func TestStoreFailsOneRead(t *testing.T) {
	t.Parallel()
	store := newRecorder()
	manager := newManager(t, store)
	token := start(t, manager, "ada")
	for failing := range 4 {
		read := 0
		store.hook(func(operation string) error {
			if read++; read == failing+1 {
				return errors.New("connection reset")
			}
			return nil
		})
		want := "unavailable"
		if failing == 3 {
			want = "ada" // there are three
		}
		if got := authenticate(t, manager, bearer(token)); got != want {
			t.Errorf("read %d fails: %s, want %s", failing, got, want)
		}
	}
}

// Start begins no session beside one that came with the call and cannot be ended.
func TestStartNeedsTheEndOfWhatCameBefore(t *testing.T) {
	t.Parallel()
	store := newRecorder()
	manager := newManager(t, store)
	token := start(t, manager, "mallory")
	before := store.written()
	store.hook(func(operation string) error {
		if operation == "delete" {
			return errors.New("connection reset")
		}
		return nil
	})
	call := within(t, bearer(token), func(ctx context.Context) error {
		if got, err := manager.Start(ctx, "ada"); got != "" || outcome(nil, err) != "unavailable" {
			t.Errorf("Start = %q, %v", got, err)
		}
		return nil
	})
	if written := store.written() - before; written != 0 || call.ResponseHeader().Get("Set-Cookie") != "" {
		t.Errorf("Start wrote %d times, and set the cookie %q", written, call.ResponseHeader().Get("Set-Cookie"))
	}
}

// Where no epoch can be written, Start says why, and does not try again.
func TestStartNeedsAnEpoch(t *testing.T) {
	t.Parallel()
	store, full := newRecorder(), errors.New("disk full")
	store.hook(func(operation string) error {
		if operation == "commit" {
			return full
		}
		return nil
	})
	if token, err := newManager(t, store).Start(t.Context(), "ada"); token != "" || !errors.Is(err, full) || store.written() != 1 {
		t.Errorf("Start = %q, %v after %d writes", token, err, store.written())
	}
}

// TestNothingHalfStarted fails each operation of the store in turn.
func TestNothingHalfStarted(t *testing.T) {
	t.Parallel()
	store := newRecorder()
	manager := newManager(t, store)
	start(t, manager, "ada") // it begins an epoch
	for failing := range 4 {
		count := 0
		store.hook(func(string) error {
			count++
			if count == failing+1 {
				return errors.New("connection reset")
			}
			return nil
		})
		token, err := manager.Start(t.Context(), "ada")
		store.hook(nil)
		switch {
		case err != nil && token != "":
			t.Errorf("operation %d failed, and Start returned a token beside %v", failing, err)
		case err == nil && authenticate(t, manager, bearer(token)) != "ada":
			t.Errorf("operation %d: Start returned a token that opens nothing", failing)
		case err == nil && failing < 3:
			t.Errorf("operation %d failed, and Start did not", failing)
		}
	}
}
