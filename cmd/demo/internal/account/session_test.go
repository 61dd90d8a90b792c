package account_test

import (
	"database/sql"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

func TestSignUpSignsIn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.serve(t)
	// A password is any characters.
	for i, password := range []string{"correct horse battery staple", "            ", "пароль пароль", `'"$(x);\%00 ` + "\x00\n\t\u202e"} {
		email := string(rune('a'+i)) + "@example.com"
		up, err := f.client(t, "").SignUp(t.Context(), &demov1.SignUpRequest{Name: "Eve", Email: email, Password: password})
		if err != nil {
			t.Fatal(err)
		}
		in, err := f.client(t, "").SignIn(t.Context(), &demov1.SignInRequest{Email: email, Password: password})
		if err != nil {
			t.Fatal(err)
		}
		for _, token := range []string{up.GetSessionToken(), in.GetSessionToken()} {
			got, err := f.client(t, token).GetUser(t.Context(), &demov1.GetUserRequest{UserId: up.GetUserId()})
			if err != nil {
				t.Fatal(err)
			}
			want := &demov1.User{Id: in.GetUserId(), Name: "Eve", Email: email, Roles: []string{"member"}, CreateTime: got.GetUser().GetCreateTime()}
			if diff := cmp.Diff(want, got.GetUser(), protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
		}
		if _, err := f.client(t, "").SignIn(t.Context(), &demov1.SignInRequest{Email: email, Password: password + " "}); connect.CodeOf(err) != connect.CodeUnauthenticated {
			t.Errorf("with a space too many: %v", err)
		}
	}
}

// TestSignInTellsNothing compares an unknown email with a wrong password: the answer, and
// the work that is done for it.
func TestSignInTellsNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.serve(t)
	type trace struct {
		Status         int
		Header         http.Header
		Body           string
		Hashed, Looked int64
	}
	try := func(email string) trace {
		verified, none, hashed := f.passwords.verified.Load(), f.passwords.none.Load(), f.passwords.hashed.Load()
		reply := f.post(t, demov1client.AccountServiceSignInProcedure, "", `{"email":"`+email+`","password":"wrong"}`)
		reply.header.Del("Date")
		return trace{
			Status: reply.status, Header: reply.header, Body: reply.body,
			// One of them, and not both.
			Looked: f.passwords.verified.Load() - verified + f.passwords.none.Load() - none,
			Hashed: f.passwords.hashed.Load() - hashed,
		}
	}
	known, unknown := try("member@example.com"), try("unknown@example.com")
	if diff := cmp.Diff(known, unknown); diff != "" {
		t.Errorf("a wrong password and an unknown email differ: %s", diff)
	}
	if known.Status != http.StatusUnauthorized || known.Looked != 1 || known.Hashed != 0 {
		t.Errorf("got %+v", known)
	}
	if f.passwords.none.Load() != 1 {
		t.Error("nothing was verified for the unknown email")
	}
}

// TestSessionGoesWithTheCookie is what a browser sees.
func TestSessionGoesWithTheCookie(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.serve(t)
	signIn := `{"email":"member@example.com","password":"` + pass + `"}`
	cookieOf := func(reply reply) string {
		t.Helper()
		for _, cookie := range reply.header.Values("Set-Cookie") {
			if strings.HasPrefix(cookie, "session=") && strings.Contains(cookie, "; HttpOnly") {
				return strings.Split(cookie, ";")[0]
			}
		}
		t.Fatalf("the cookies are %q", reply.header.Values("Set-Cookie"))
		return ""
	}
	call := func(cookie, procedure, message string) reply {
		t.Helper()
		return f.send(t, http.MethodPost, procedure, map[string]string{"Content-Type": "application/json", "Cookie": cookie}, strings.NewReader(message))
	}
	expect := func(why, cookie string, status int) {
		t.Helper()
		if reply := call(cookie, demov1client.AccountServiceGetUserProcedure, `{"userId":"`+f.ids["member"]+`"}`); reply.status != status {
			t.Errorf("%s: %d %s", why, reply.status, reply.body)
		}
	}
	first := cookieOf(call("", demov1client.AccountServiceSignInProcedure, signIn))
	expect("signed in", first, http.StatusOK)

	second := cookieOf(call(first, demov1client.AccountServiceSignInProcedure, signIn))
	expect("the session before, after signing in over it", first, http.StatusUnauthorized)
	expect("signed in again", second, http.StatusOK)

	// The member's session of another device goes on.
	if _, err := f.client(t, f.tokens["member"]).GetUser(t.Context(), &demov1.GetUserRequest{UserId: f.ids["member"]}); err != nil {
		t.Errorf("another session: %v", err)
	}

	if cleared := cookieOf(call(second, demov1client.AccountServiceSignOutProcedure, `{}`)); cleared != "session=" {
		t.Errorf("signing out set the cookie %s", cleared)
	}
	expect("after signing out", second, http.StatusUnauthorized)
}

func TestSignOutEndsTheSession(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.serve(t)
	member := f.client(t, f.tokens["member"])
	if _, err := member.SignOut(t.Context(), &demov1.SignOutRequest{}); err != nil {
		t.Fatal(err)
	}
	if _, err := member.SignOut(t.Context(), &demov1.SignOutRequest{}); connect.CodeOf(err) != connect.CodeUnauthenticated {
		t.Errorf("signing out again: %v", err)
	}
	if left := f.sessionsOf(t, "member"); left != 0 {
		t.Errorf("%d entries of the session are left", left)
	}
	if left := f.sessionsOf(t, "other"); left == 0 {
		t.Error("another user's session is gone")
	}
}

// Signing out ends the user's sessions on every device.
func TestSignOutEverywhere(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.serve(t)
	signedIn, err := f.client(t, "").SignIn(t.Context(), &demov1.SignInRequest{Email: "member@example.com", Password: pass})
	if err != nil {
		t.Fatal(err)
	}
	self := &demov1.GetUserRequest{UserId: f.ids["member"]}
	if _, err := f.client(t, f.tokens["member"]).GetUser(t.Context(), self); err != nil {
		t.Errorf("a second sign-in has ended the first session: %v", err)
	}
	if _, err := f.client(t, signedIn.GetSessionToken()).SignOut(t.Context(), &demov1.SignOutRequest{}); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{f.tokens["member"], signedIn.GetSessionToken()} {
		if _, err := f.client(t, token).GetUser(t.Context(), self); connect.CodeOf(err) != connect.CodeUnauthenticated {
			t.Errorf("after signing out: %v", err)
		}
	}
}

// TestRestoredSessions puts the stores of sessions back to what they were before a
// sign-out. The session stays ended, and another user's lives on.
func TestRestoredSessions(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]scs.Store{"of the users' database": nil, "of another server": memstore.NewWithCleanupInterval(0)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			if store != nil {
				f = newFixture(t, store)
			}
			f.serve(t)
			tokens := map[string]string{}
			for _, user := range []string{"member", "other"} {
				signedIn, err := f.client(t, "").SignIn(t.Context(), &demov1.SignInRequest{Email: user + "@example.com", Password: pass})
				if err != nil {
					t.Fatal(err)
				}
				tokens[user] = signedIn.GetSessionToken()
			}
			restore := f.saveSessions(t, store)
			if _, err := f.client(t, tokens["member"]).SignOut(t.Context(), &demov1.SignOutRequest{}); err != nil {
				t.Fatal(err)
			}
			restore()
			f.recorder.takeDenials()
			for user, want := range map[string]connect.Code{"member": connect.CodeUnauthenticated, "other": 0} {
				_, err := f.client(t, tokens[user]).GetUser(t.Context(), &demov1.GetUserRequest{UserId: f.ids[user]})
				if err == nil && want != 0 || err != nil && connect.CodeOf(err) != want {
					t.Errorf("the session of %s: %v", user, err)
				}
			}
			if got := f.recorder.takeDenials(); !slices.Equal(got, []string{"unauthenticated"}) {
				t.Errorf("the denials recorded: %q", got)
			}
		})
	}
}

// saveSessions returns what puts a store of sessions back to what it holds now. A nil
// store is that of the users' database.
func (f *fixture) saveSessions(t *testing.T, store scs.Store) (restore func()) {
	t.Helper()
	if store == nil {
		db, err := sql.Open("sqlite", f.path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.ExecContext(t.Context(), "CREATE TABLE saved AS SELECT token, data, expire_time, user_id FROM sessions"); err != nil {
			t.Fatal(err)
		}
		return func() {
			f.change(t, "REPLACE INTO sessions (token, data, expire_time, user_id) SELECT token, data, expire_time, user_id FROM saved")
		}
	}
	entries, err := store.(scs.IterableStore).All()
	if err != nil || len(entries) == 0 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	return func() {
		for token, data := range entries {
			if err := store.Commit(token, data, time.Now().Add(time.Hour)); err != nil {
				t.Error(err)
			}
		}
	}
}

// sessionsOf counts the entries of a user's sessions in the database. There may be one more
// entry of the user, which outlives the sessions.
func (f *fixture) sessionsOf(t *testing.T, name string) int {
	t.Helper()
	count := 0
	for _, row := range f.dump(t) {
		if strings.HasPrefix(row, "sessions: ") && strings.Contains(row, f.ids[name]) && !strings.Contains(row, "began_at") {
			count++
		}
	}
	return count
}
