package directory

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/session"
)

func newSessions(t *testing.T, directory *Directory) *session.Manager {
	t.Helper()
	sessions, err := session.New(directory.Sessions(), directory.Lookup)
	if err != nil {
		t.Fatal(err)
	}
	return sessions
}

func start(t *testing.T, sessions *session.Manager, user User) *connect.CallInfo {
	t.Helper()
	token, err := sessions.Start(t.Context(), user.ID)
	if err != nil {
		t.Fatal(err)
	}
	call := new(connect.CallInfo)
	call.RequestHeader().Set("Authorization", "Bearer "+token)
	return call
}

// rowsOf counts the entries of a user, and those without a user where it is nil.
func rowsOf(t *testing.T, directory *Directory, user any) int {
	t.Helper()
	var count int
	if err := directory.db.QueryRowContext(t.Context(), "SELECT count(*) FROM sessions WHERE user_id IS NOT DISTINCT FROM ?", user).Scan(&count); err != nil {
		t.Fatal(err)
	}
	return count
}

func TestSessionOfAUser(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, directory *Directory) {
		t.Helper()
		sessions := newSessions(t, directory)
		admin, auditor, _ := create3(t, directory)
		call := start(t, sessions, auditor)
		for _, role := range []Role{Auditor, Admin, Member} {
			if _, err := directory.GrantRole(t.Context(), auditor.ID, role); err != nil {
				t.Fatal(err)
			}
			principal, err := sessions.Authenticate(t.Context(), call)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{string(role)}, principal.Roles()); diff != "" || principal.ID() != auditor.ID {
				t.Errorf("%s: %s", principal.ID(), diff)
			}
		}
		other := start(t, sessions, admin)
		if err := sessions.EndAll(t.Context(), auditor.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := sessions.Authenticate(t.Context(), call); !errors.Is(err, authn.ErrInvalidCredential) {
			t.Errorf("after EndAll: %v", err)
		}
		if _, err := sessions.Authenticate(t.Context(), other); err != nil {
			t.Errorf("another user after EndAll: %v", err)
		}
	})
}

// generation returns the generation of a user's sessions.
func generation(t *testing.T, directory *Directory, user User) string {
	t.Helper()
	generation, err := directory.Generation(t.Context(), user.ID)
	if err != nil || generation == "" {
		t.Fatalf("generation %q, %v", generation, err)
	}
	return generation
}

// Every end of a user's sessions begins a generation that there never was, for this user
// alone.
func TestEndSessions(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, directory *Directory) {
		t.Helper()
		sessions := newSessions(t, directory)
		admin, auditor, _ := create3(t, directory)
		start(t, sessions, admin)
		others := generation(t, directory, admin)
		seen := map[string]bool{generation(t, directory, auditor): true}
		for range 5 {
			start(t, sessions, auditor)
			if _, err := directory.GrantRole(t.Context(), auditor.ID, Auditor); err != nil || !seen[generation(t, directory, auditor)] {
				t.Errorf("a role that is granted ends sessions: %v", err)
			}
			if err := directory.EndSessions(t.Context(), auditor.ID); err != nil {
				t.Fatal(err)
			}
			now := generation(t, directory, auditor)
			if seen[now] {
				t.Errorf("the generation %q came before", now)
			}
			seen[now] = true
			if left := rowsOf(t, directory, auditor.ID); left != 0 {
				t.Errorf("%d entries are left", left)
			}
		}
		if now := generation(t, directory, admin); now != others || rowsOf(t, directory, admin.ID) == 0 {
			t.Errorf("another user's generation is %q, was %q", now, others)
		}
		if err := directory.Delete(t.Context(), auditor.ID); err != nil {
			t.Fatal(err)
		}
		if got, err := directory.Generation(t.Context(), auditor.ID); got != "" || !errors.Is(err, authn.ErrInvalidCredential) {
			t.Errorf("of a user who is gone: %q, %v", got, err)
		}
		if err := directory.EndSessions(t.Context(), auditor.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("of a user who is gone: %v", err)
		}
	})
}

func TestDeletedUserHasNoSessionLeft(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, directory *Directory) {
		t.Helper()
		sessions := newSessions(t, directory)
		admin, auditor, _ := create3(t, directory)
		var calls []*connect.CallInfo
		for range 5 {
			calls = append(calls, start(t, sessions, auditor))
		}
		start(t, sessions, admin)
		if got := rowsOf(t, directory, auditor.ID); got != 2*5+1 {
			t.Fatalf("%d entries of 5 sessions name their user, want two of each and one of the user", got)
		}
		if err := directory.Delete(t.Context(), admin.ID); !errors.Is(err, ErrLastAdmin) {
			t.Fatal(err)
		}
		if err := directory.Delete(t.Context(), auditor.ID); err != nil {
			t.Fatal(err)
		}
		if deleted, others, without := rowsOf(t, directory, auditor.ID), rowsOf(t, directory, admin.ID), rowsOf(t, directory, nil); deleted != 0 || others != 2+1 || without != 0 {
			t.Errorf("left are %d entries of the user, %d of another and %d without a user", deleted, others, without)
		}
		for _, call := range calls {
			if _, err := sessions.Authenticate(t.Context(), call); !errors.Is(err, authn.ErrInvalidCredential) {
				t.Errorf("a session of the user: %v", err)
			}
		}
		// What was under way when the user was deleted leaves nothing behind either.
		if _, err := sessions.Start(t.Context(), auditor.ID); err == nil {
			t.Error("a user who is gone has started a session")
		}
		if err := sessions.EndAll(t.Context(), auditor.ID); err != nil {
			t.Errorf("EndAll of a user who is gone: %v", err)
		}
		if got := rowsOf(t, directory, auditor.ID); got != 0 {
			t.Errorf("left are %d entries of the user", got)
		}
	})
}

func TestUserDeletedWhileSigningIn(t *testing.T) {
	t.Parallel()
	eachTwice(t, func(t *testing.T, open func(*testing.T) *Directory) {
		t.Helper()
		one, two := open(t), open(t)
		add(t, one, "admin", Admin)
		for i := range 20 {
			user := add(t, one, fmt.Sprint("user", i), Member)
			sessions := newSessions(t, two)
			var group sync.WaitGroup
			for range 3 {
				group.Go(func() {
					_, _ = sessions.Start(t.Context(), user.ID)
				})
			}
			if err := one.Delete(t.Context(), user.ID); err != nil {
				t.Error(err)
			}
			group.Wait()
		}
		var left int
		if err := one.db.QueryRowContext(t.Context(), "SELECT count(*) FROM sessions").Scan(&left); err != nil || left != 0 {
			t.Errorf("left are %d entries, %v", left, err)
		}
	})
}

func TestStore(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, directory *Directory) {
		t.Helper()
		store := directory.Sessions()
		find := func(token string) string {
			t.Helper()
			data, found, err := store.Find(token)
			if err != nil || found != (data != nil) {
				t.Errorf("Find(%s) = %q, %v, %v", token, data, found, err)
			}
			return string(data)
		}
		commit := func(token, data string, expiry time.Time) {
			t.Helper()
			if err := store.Commit(token, []byte(data), expiry); err != nil {
				t.Error(err)
			}
		}
		later, earlier := time.Now().Add(time.Hour), time.Now().Add(-time.Second)
		if got := find("a"); got != "" {
			t.Errorf("before: %s", got)
		}
		commit("a", `{"n":1}`, later)
		commit("b", `{"n":2}`, later)
		commit("a", `{"n":3}`, later)
		if a, b := find("a"), find("b"); a != `{"n":3}` || b != `{"n":2}` {
			t.Errorf("found %s and %s", a, b)
		}
		commit("a", `{"n":4}`, earlier)
		if got := find("a"); got != "" {
			t.Errorf("expired: %s", got)
		}
		for range 2 {
			if err := store.Delete("b"); err != nil {
				t.Error(err)
			}
		}
		if got := find("b"); got != "" {
			t.Errorf("deleted: %s", got)
		}
		if err := store.Commit("c", []byte("nonsense"), later); err == nil {
			t.Error("took what the session package does not write")
		}
	})
}

func TestStoreDropsWhatHasExpired(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, directory *Directory) {
		t.Helper()
		store := directory.Sessions()
		for i := range 150 {
			if err := store.Commit(strconv.Itoa(i), []byte("{}"), time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := directory.db.ExecContext(t.Context(), "UPDATE sessions SET expire_time = 0"); err != nil {
			t.Fatal(err)
		}
		for i, want := range []int{51, 2, 3} {
			if err := store.Commit(fmt.Sprint("new", i), []byte("{}"), time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			if got := rowsOf(t, directory, nil); got != want {
				t.Errorf("after %d new entries there are %d, want %d", i+1, got, want)
			}
		}
	})
}

func TestSessionsSurviveARestart(t *testing.T) {
	t.Parallel()
	directory, path := openFile(t)
	ada := add(t, directory, "ada", Admin)
	call := start(t, newSessions(t, directory), ada)
	if err := directory.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := newSessions(t, directory).Authenticate(t.Context(), call); !errors.Is(err, authn.ErrUnavailable) {
		t.Errorf("with the database closed: %v", err)
	}
	if _, err := newSessions(t, openPath(t, path)).Authenticate(t.Context(), call); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	// The file is no place to steal a session from.
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	token := strings.TrimPrefix(call.RequestHeader().Get("Authorization"), "Bearer ses_")
	if bytes.Contains(text, []byte(token)) {
		t.Error("the file holds the token")
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	directory, err := Open(b.Context(), b.TempDir()+"/demo.db", Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer directory.Close()
	ada, err := directory.Create(b.Context(), User{Name: "ada", Email: "ada@example.com", Role: Admin})
	if err != nil {
		b.Fatal(err)
	}
	sessions, err := session.New(directory.Sessions(), directory.Lookup)
	if err != nil {
		b.Fatal(err)
	}
	token, err := sessions.Start(b.Context(), ada.ID)
	if err != nil {
		b.Fatal(err)
	}
	call := new(connect.CallInfo)
	call.RequestHeader().Set("Authorization", "Bearer "+token)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sessions.Authenticate(b.Context(), call); err != nil {
			b.Fatal(err)
		}
	}
}

// TestSessionsAreBounded starts more sessions than a user may have: the oldest end.
func TestSessionsAreBounded(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, directory *Directory) {
		t.Helper()
		_, auditor, member := create3(t, directory)
		manager, err := session.New(directory.Sessions(), directory.Lookup)
		if err != nil {
			t.Fatal(err)
		}
		bystander, err := manager.Start(t.Context(), auditor.ID)
		if err != nil {
			t.Fatal(err)
		}
		const more = 2*maxSightings + 5
		var tokens []string
		for range more {
			token, err := manager.Start(t.Context(), member.ID)
			if err != nil {
				t.Fatal(err)
			}
			tokens = append(tokens, token)
		}
		for i, token := range append(tokens, bystander) {
			call := new(connect.CallInfo)
			call.RequestHeader().Set("Authorization", "Bearer "+token)
			_, err := manager.Authenticate(t.Context(), call)
			if lives := i >= more-MaxSessions; lives && err != nil || !lives && !errors.Is(err, authn.ErrInvalidCredential) {
				t.Errorf("session %d of %d: %v", i, more, err)
			}
		}
		var entries int
		if err := directory.db.QueryRowContext(t.Context(), "SELECT count(*) FROM sessions WHERE user_id = ?", member.ID).Scan(&entries); err != nil || entries != MaxSessions+maxSightings {
			t.Errorf("the user has %d entries, %v", entries, err)
		}
	})
}
