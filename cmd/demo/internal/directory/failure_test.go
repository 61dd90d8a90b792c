package directory

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-rpc/sallyport/authn/apikey"
)

// writes are all ways to write to a directory, for a user that is there.
func writes(directory *Directory, user User) map[string]func(context.Context) error {
	later := time.Now().Add(time.Hour)
	return map[string]func(context.Context) error{
		"Create": func(ctx context.Context) error {
			return second(directory.Create(ctx, User{Name: "x", Email: "x@example.com", Role: Member}))
		},
		"CreateAll": func(ctx context.Context) error {
			return second(directory.CreateAll(ctx, User{Name: "x", Email: "x@example.com", Role: Member}))
		},
		"UpdateProfile": func(ctx context.Context) error {
			return second(directory.UpdateProfile(ctx, user.ID, strings.Repeat("x", 3*pageSize), "x@example.com"))
		},
		"Sessions.CommitCtx": func(ctx context.Context) error {
			return directory.Sessions().CommitCtx(ctx, "token", []byte(`{"user":"`+user.ID+`","x":"`+strings.Repeat("x", 3*pageSize)+`"}`), later)
		},
		"Keys.Add": func(ctx context.Context) error {
			return directory.Keys().Add(ctx, apikey.Record{Key: apikey.Key{
				ID: "id", Owner: user.ID, Name: strings.Repeat("x", 3*pageSize), CreatedAt: time.Now(), ExpiresAt: later,
			}})
		},
	}
}

func TestBusy(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "demo.db")
	directory, err := Open(t.Context(), path, Config{Patience: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer directory.Close()
	user := add(t, directory, "ada", Member)
	holder, err := openPath(t, path).db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	all := writes(directory, user)
	all["GrantRole"] = func(ctx context.Context) error { return second(directory.GrantRole(ctx, user.ID, Auditor)) }
	all["Delete"] = func(ctx context.Context) error { return directory.Delete(ctx, user.ID) }
	all["Sessions.DeleteCtx"] = func(ctx context.Context) error { return directory.Sessions().DeleteCtx(ctx, "token") }
	all["Keys.RemoveAll"] = func(ctx context.Context) error { return directory.Keys().RemoveAll(ctx, user.ID) }
	for name, write := range all {
		if err := write(t.Context()); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := holder.Rollback(); err != nil {
		t.Fatal(err)
	}
	for name, write := range writes(directory, user) {
		if err := write(t.Context()); err != nil && !errors.Is(err, ErrEmailTaken) {
			t.Errorf("%s, once the lock is free: %v", name, err)
		}
	}
}

func TestFull(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "demo.db")
	user := add(t, openPath(t, path), "ada", Admin)
	directory, err := Open(t.Context(), path, Config{MaxBytes: 1}) // no more than it has
	if err != nil {
		t.Fatal(err)
	}
	defer directory.Close()
	for name, write := range writes(directory, user) {
		if err := write(t.Context()); !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := directory.Get(t.Context(), user.ID); err != nil || got != user {
		t.Errorf("what failed has changed the user to %v, %v", got, err)
	}
	if _, err := directory.GrantRole(t.Context(), user.ID, Admin); err != nil {
		t.Errorf("a write that needs no room: %v", err)
	}
}

// TestRoomForSessions fills a directory with users. Those who are there can still sign in.
func TestRoomForSessions(t *testing.T) {
	t.Parallel()
	directory, err := Open(t.Context(), filepath.Join(t.TempDir(), "demo.db"), Config{MaxBytes: 1 << 20}) // a tenth of it has room for the last users, and for sessions
	if err != nil {
		t.Fatal(err)
	}
	defer directory.Close()
	user := add(t, directory, "ada", Admin)
	var all []User
	for {
		var many [50]User
		for i := range many {
			many[i] = User{Name: strings.Repeat("x", 400), Email: time.Now().String() + string(rune('a'+i)), Role: Member}
		}
		created, err := directory.CreateAll(t.Context(), many[:]...)
		if errors.Is(err, ErrFull) && strings.Contains(err.Error(), "has nearly reached its size limit: delete accounts") {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, created...)
	}
	for range MaxSessions {
		if err := directory.Sessions().Commit(time.Now().String(), []byte(`{"user":"`+user.ID+`"}`), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	for _, gone := range all {
		if err := directory.Delete(t.Context(), gone.ID); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := directory.Create(t.Context(), User{Name: "x", Email: "x", Role: Member}); err != nil {
		t.Errorf("after deleting users: %v", err)
	}
}
