package apikey_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/apikey"
)

func TestIssueListRevoke(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store apikey.Store) {
		ctx, manager := t.Context(), newManager(t, store)
		expires := time.Now().Add(time.Hour)
		before := time.Now().Truncate(time.Microsecond)
		scopes := []string{"files.write", "files.read", "files.write"}
		first, firstText, err := manager.Issue(ctx, "ada", "Nächtliches Backup 🗄", scopes, expires)
		if err != nil {
			t.Fatal(err)
		}
		scopes[0] = "admin" // the manager has its own
		second, secondText := issue(t, manager, "ada")
		other, otherText := issue(t, manager, "bob")

		want := apikey.Key{
			ID: first.ID, Owner: "ada", Name: "Nächtliches Backup 🗄", Scopes: []string{"files.read", "files.write"},
			CreatedAt: first.CreatedAt, ExpiresAt: expires.UTC().Truncate(time.Microsecond),
		}
		if diff := cmp.Diff(want, first); diff != "" {
			t.Error(diff)
		}
		if first.CreatedAt.Before(before) || first.CreatedAt.After(time.Now()) {
			t.Errorf("created at %v", first.CreatedAt)
		}
		if got := list(t, manager, "ada"); cmp.Diff([]string{first.ID, second.ID}, got) != "" &&
			!first.CreatedAt.Equal(second.CreatedAt) {
			t.Errorf("ada has %v", got)
		}
		if got := list(t, manager, "stranger"); got != nil {
			t.Errorf("a stranger has %v", got)
		}

		// A key is listed as it was issued, and then with its last use.
		keys, err := manager.List(ctx, "bob")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]apikey.Key{other}, keys, equateEmpty); diff != "" {
			t.Error(diff)
		}
		if got := authenticate(t, manager, bearer(otherText)); got != "bob" {
			t.Error(got)
		}
		if keys, err = manager.List(ctx, "bob"); err != nil || keys[0].LastUsedAt.Before(before) || keys[0].LastUsedAt.After(time.Now()) {
			t.Errorf("after a use: %v, %v", keys, err)
		}

		for _, stranger := range []string{"bob", "", "ad", "ada ", "ADA", "%"} {
			if err := manager.Revoke(ctx, stranger, first.ID); !errors.Is(err, apikey.ErrNotFound) {
				t.Errorf("%q revoking ada's key: %v", stranger, err)
			}
		}
		for _, id := range []string{"", "%", other.ID, firstText, strings.ToUpper(first.ID)} {
			if err := manager.Revoke(ctx, "ada", id); !errors.Is(err, apikey.ErrNotFound) {
				t.Errorf("ada revoking %q: %v", id, err)
			}
		}
		if got := authenticate(t, manager, bearer(firstText)); got != "ada" {
			t.Errorf("before Revoke: %s", got)
		}
		if err := manager.Revoke(ctx, "ada", first.ID); err != nil {
			t.Fatal(err)
		}
		if err := manager.Revoke(ctx, "ada", first.ID); !errors.Is(err, apikey.ErrNotFound) {
			t.Errorf("twice: %v", err)
		}
		if got := authenticate(t, manager, bearer(firstText)); got != "invalid" {
			t.Errorf("after Revoke: %s", got)
		}
		if got := authenticate(t, manager, bearer(secondText)); got != "ada" {
			t.Errorf("the other key after Revoke: %s", got)
		}

		third, thirdText := issue(t, manager, "ada")
		if got := list(t, manager, "ada"); len(got) != 2 || got[1] != third.ID && !third.CreatedAt.Equal(second.CreatedAt) {
			t.Errorf("ada has %v", got)
		}
		for range 2 {
			if err := manager.RevokeAll(ctx, "ada"); err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{firstText, secondText, thirdText} {
				if got := authenticate(t, manager, bearer(text)); got != "invalid" {
					t.Errorf("after RevokeAll: %s", got)
				}
			}
			if got := list(t, manager, "ada"); got != nil {
				t.Errorf("ada has %v", got)
			}
			if got := authenticate(t, manager, bearer(otherText)); got != "bob" {
				t.Errorf("bob after RevokeAll of ada: %s", got)
			}
		}
	})
}

// equateEmpty takes no scopes for no scopes.
var equateEmpty = cmp.Transformer("scopes", func(scopes []string) string { return strings.Join(scopes, " ") })

func list(t *testing.T, manager *apikey.Manager, owner string) (ids []string) {
	t.Helper()
	keys, err := manager.List(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		ids = append(ids, key.ID)
	}
	return ids
}

func TestIssueRefuses(t *testing.T) {
	t.Parallel()
	manager := newManager(t, newMemory())
	soon := time.Now().Add(time.Hour)
	for name, test := range map[string]struct {
		owner, name string
		scopes      []string
		expires     time.Time
		want        string
	}{
		"sound":              {"ada", "backup", []string{"files.read"}, soon, ""},
		"no name":            {"ada", "", nil, soon, ""},
		"extreme scopes":     {"ada", "", []string{"!", "~", "#[]", strings.Repeat("a", 255)}, soon, ""},
		"a distant end":      {"ada", "", nil, time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), ""},
		"no owner":           {"", "", nil, soon, "owner"},
		"owner with NUL":     {"ada\x00", "", nil, soon, "owner"},
		"owner not in UTF-8": {"ada\xff", "", nil, soon, "owner"},
		"name with a break":  {"ada", "a\nb", nil, soon, "name"},
		"name with escapes":  {"ada", "a\x1b[31mb", nil, soon, "name"},
		"name with NUL":      {"ada", "a\x00b", nil, soon, "name"},
		"name not in UTF-8":  {"ada", "a\xff", nil, soon, "name"},
		"empty scope":        {"ada", "", []string{"a", ""}, soon, "scope"},
		"two scopes in one":  {"ada", "", []string{"a b"}, soon, "scope"},
		"scope with a tab":   {"ada", "", []string{"a\t"}, soon, "scope"},
		"scope with a quote": {"ada", "", []string{`a"`}, soon, "scope"},
		"scope not in ASCII": {"ada", "", []string{"é"}, soon, "scope"},
		"endless scope":      {"ada", "", []string{strings.Repeat("a", 256)}, soon, "scope"},
		"no expiry":          {"ada", "", nil, time.Time{}, "expiry"},
		"expiry now":         {"ada", "", nil, time.Now(), "expiry"},
		"expiry before":      {"ada", "", nil, time.Now().Add(-time.Hour), "expiry"},
		"expiry too distant": {"ada", "", nil, time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), "expiry"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, text, err := manager.Issue(t.Context(), test.owner, test.name, test.scopes, test.expires)
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if got := authenticate(t, manager, bearer(text)); got != test.owner {
					t.Error(got)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || text != "" || key.ID != "" {
				t.Errorf("Issue = %v, %q, %v", key, text, err)
			}
		})
	}
}

func TestStoreFailsManagement(t *testing.T) {
	t.Parallel()
	store := newMemory()
	manager := newManager(t, store)
	for _, test := range []struct {
		with error
		want string
	}{
		{errors.New("connection refused"), "unavailable"},
		{authn.ErrNoCredential, "fault"},
		{nil, "canceled"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		store.hook(func(context.Context, string) error {
			if test.with == nil {
				cancel()
				return errors.New("interrupted")
			}
			return test.with
		})
		_, text, issueErr := manager.Issue(ctx, "ada", "", nil, time.Now().Add(time.Hour))
		if text != "" {
			t.Error("Issue returned a key that is not there")
		}
		keys, listErr := manager.List(ctx, "ada")
		if keys != nil {
			t.Error("List returned keys beside an error")
		}
		for name, err := range map[string]error{
			"Issue": issueErr, "List": listErr,
			"Revoke": manager.Revoke(ctx, "ada", "x"), "RevokeAll": manager.RevokeAll(ctx, "ada"),
		} {
			if got := outcome(nil, err); got != test.want {
				t.Errorf("%s where the store says %v: %s, want %s", name, test.with, got, test.want)
			}
		}
		cancel()
	}
}

func TestKeyText(t *testing.T) {
	t.Parallel()
	manager := newManager(t, newMemory(), apikey.WithPrefix("acme7"))
	shape := regexp.MustCompile(`^acme7_([a-z2-7]{16})_[a-z2-7]{52}[a-z2-7]{7}$`)
	seen := make(map[string]bool)
	for range 1000 {
		key, text := issue(t, manager, "ada")
		match := shape.FindStringSubmatch(text)
		if match == nil || match[1] != key.ID {
			t.Fatalf("key %s has the text %s", key.ID, text)
		}
		if reseal(text[:len(text)-7]) != text {
			t.Fatalf("the checksum of %s is not the CRC-32 of what is before it", text)
		}
		secret := text[len(text)-59 : len(text)-7]
		if seen[key.ID] || seen[secret] {
			t.Fatal("an id or a secret came twice")
		}
		seen[key.ID], seen[secret] = true, true
		if shown := fmt.Sprintf("%+v", key); strings.Contains(shown, secret) {
			t.Fatalf("the secret is in %s", shown)
		}
	}
}

func TestResponseIsNotStored(t *testing.T) {
	t.Parallel()
	manager := newManager(t, newMemory())
	server := connect.NewServer()
	server.Register(connect.Method{
		Spec: connect.Spec{Procedure: "/test/Issue"},
		Handler: func(ctx context.Context, _ connect.Spec, _ connect.ServerStream) error {
			_, _, err := manager.Issue(ctx, "ada", "", nil, time.Now().Add(time.Hour))
			return err
		},
	})
	call := new(connect.CallInfo)
	if err := server.Call(t.Context(), "/test/Issue", call, nil); err != nil {
		t.Fatal(err)
	}
	if got := call.ResponseHeader().Values("Cache-Control"); !cmp.Equal(got, []string{"no-store"}) {
		t.Errorf("Cache-Control: %v", got)
	}
}
