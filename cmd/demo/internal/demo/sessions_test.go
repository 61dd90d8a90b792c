package demo

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/jackc/pgx/v5"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// sessionServers are the servers that can keep sessions, and the environment's names
// for their URLs.
var sessionServers = map[string]string{"PostgreSQL": "SALLYPORT_TEST_POSTGRES", "Redis": "SALLYPORT_TEST_REDIS"}

// environment returns the URL in a variable of the environment, or skips the test.
func environment(t *testing.T, name string) *url.URL {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		t.Skip(name + " names no server: internal/testservices/run starts one")
	}
	address, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// TestSharedSessions has two demos share their users and their sessions: what one revokes,
// the other refuses at the next call.
func TestSharedSessions(t *testing.T) {
	t.Parallel()
	for server, name := range sessionServers {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			address := environment(t, name)
			arguments := []string{"-addr", "127.0.0.1:0", "-db", filepath.Join(t.TempDir(), "demo.db"), "-sessions", address.String()}
			one, two := start(t, arguments...), start(t, arguments...)
			if want := " and the sessions in " + address.Scheme + "://" + address.Host + address.Path + ".\n"; !strings.Contains(one.welcome, want) {
				t.Errorf("the welcome lacks %q: %s", want, one.welcome)
			}
			_, admin := signIn(t, one, "admin")
			t.Run("sign-out", func(t *testing.T) { testSignOutElsewhere(t, one, two) })
			t.Run("role", func(t *testing.T) { testRoleElsewhere(t, one.client(t, admin), two) })
			t.Run("deleted", func(t *testing.T) { testDeletedElsewhere(t, one.client(t, admin), two) })
			t.Run("killed", func(t *testing.T) {
				_ = one.command.Process.Kill()
				<-one.ended
				if code := lists(t, two, admin); code != 0 {
					t.Errorf("a session of a process that is gone: %s", code)
				}
			})
			if password, _ := address.User.Password(); password != "" && strings.Contains(one.welcome+one.log.String()+two.log.String(), password) {
				t.Error("the password is printed")
			}
		})
	}
}

// rounds is how often a time is measured.
const rounds = 10

func testSignOutElsewhere(t *testing.T, one, two *program) {
	seen := &times{}
	for range rounds {
		id, token := signIn(t, one, "member")
		self, client := &demov1.GetUserRequest{UserId: id}, two.client(t, token)
		if _, err := client.GetUser(t.Context(), self); err != nil {
			t.Fatalf("signed in elsewhere: %v", err)
		}
		if _, err := one.client(t, token).SignOut(t.Context(), &demov1.SignOutRequest{}); err != nil {
			t.Fatal(err)
		}
		seen.measure(t, connect.CodeUnauthenticated, func(ctx context.Context) error {
			_, err := client.GetUser(ctx, self)
			return err
		})
	}
	t.Logf("a sign-out is seen by the other process at its next call, answered after %s", seen)
}

func testRoleElsewhere(t *testing.T, admin demov1client.AccountServiceClient, two *program) {
	id, token := signIn(t, two, "auditor")
	client, seen := two.client(t, token), &times{}
	for range rounds {
		for role, want := range map[string]connect.Code{"member": connect.CodePermissionDenied, "auditor": 0} {
			if _, err := admin.GrantRole(t.Context(), &demov1.GrantRoleRequest{UserId: id, Role: role}); err != nil {
				t.Fatal(err)
			}
			seen.measure(t, want, func(ctx context.Context) error {
				_, err := client.ListUsers(ctx, &demov1.ListUsersRequest{})
				return err
			})
		}
	}
	t.Logf("a role change is seen by the other process at its next call, answered after %s", seen)
}

func testDeletedElsewhere(t *testing.T, admin demov1client.AccountServiceClient, two *program) {
	signedUp, err := two.client(t, "").SignUp(t.Context(), &demov1.SignUpRequest{Name: "Eve", Email: "eve@example.com", Password: "a password of hers"})
	if err != nil {
		t.Fatal(err)
	}
	id := signedUp.GetUserId()
	if _, err := admin.DeleteUser(t.Context(), &demov1.DeleteUserRequest{UserId: id}); err != nil {
		t.Fatal(err)
	}
	if _, err := two.client(t, signedUp.GetSessionToken()).GetUser(t.Context(), &demov1.GetUserRequest{UserId: id}); connect.CodeOf(err) != connect.CodeUnauthenticated {
		t.Errorf("deleted elsewhere: %v", err)
	}
}

// TestRestoredSessionServer puts the server of the sessions back to what it held before a
// sign-out. The session stays ended, and another user's lives on.
func TestRestoredSessionServer(t *testing.T) {
	t.Parallel()
	for server, name := range sessionServers {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			address := environment(t, name)
			demo := start(t, "-addr", "127.0.0.1:0", "-db", filepath.Join(t.TempDir(), "demo.db"), "-sessions", address.String())
			memberID, member := signIn(t, demo, "member")
			auditorID, auditor := signIn(t, demo, "auditor")
			shared, err := openSessions(t.Context(), address)
			if err != nil {
				t.Fatal(err)
			}
			defer shared.close()
			save := saveRedis
			if shared.postgres != nil {
				save = savePostgres
			}
			restore := save(t, shared, memberID)
			if _, err := demo.client(t, member).SignOut(t.Context(), &demov1.SignOutRequest{}); err != nil {
				t.Fatal(err)
			}
			restore()
			if _, err := demo.client(t, member).GetUser(t.Context(), &demov1.GetUserRequest{UserId: memberID}); connect.CodeOf(err) != connect.CodeUnauthenticated {
				t.Errorf("a session that ended, and is in the server again: %v", err)
			}
			if _, err := demo.client(t, auditor).GetUser(t.Context(), &demov1.GetUserRequest{UserId: auditorID}); err != nil {
				t.Errorf("another user's session: %v", err)
			}
		})
	}
}

// saveRedis returns what puts a user's entries back.
func saveRedis(t *testing.T, shared sessionServer, userID string) (restore func()) {
	t.Helper()
	dumps := map[string]string{}
	keys := shared.redis.Scan(t.Context(), 0, "sallyport-demo:*", 1000).Iterator()
	for keys.Next(t.Context()) {
		// Other tests share the server, and their entries come and go.
		if data, err := shared.redis.Get(t.Context(), keys.Val()).Result(); err != nil || !strings.Contains(data, userID) {
			continue
		}
		dump, err := shared.redis.Dump(t.Context(), keys.Val()).Result()
		if err != nil {
			t.Fatal(err)
		}
		dumps[keys.Val()] = dump
	}
	if err := keys.Err(); err != nil || len(dumps) < 3 {
		t.Fatalf("%d entries of a user with a session, %v", len(dumps), err)
	}
	return func() {
		for key, dump := range dumps {
			if err := shared.redis.RestoreReplace(t.Context(), key, time.Hour, dump).Err(); err != nil {
				t.Error(err)
			}
		}
	}
}

// savePostgres is saveRedis for PostgreSQL.
func savePostgres(t *testing.T, shared sessionServer, userID string) (restore func()) {
	t.Helper()
	type entry struct {
		Token string
		Data  []byte
	}
	rows, err := shared.postgres.Query(t.Context(), `SELECT token, data FROM sallyport_sessions
		WHERE position(convert_to($1, 'UTF8') in data) > 0`, userID)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := pgx.CollectRows(rows, pgx.RowToStructByPos[entry])
	if err != nil || len(entries) < 3 {
		t.Fatalf("%d entries of a user with a session, %v", len(entries), err)
	}
	return func() {
		for _, entry := range entries {
			if err := shared.store.Commit(entry.Token, entry.Data, time.Now().Add(time.Hour)); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestSessionServerRefuses has the server refuse the demo's password.
func TestSessionServerRefuses(t *testing.T) {
	t.Parallel()
	for server, name := range sessionServers {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			address := environment(t, name)
			address.User = url.UserPassword(address.User.Username(), "hush")
			code, _, errs := runAlone(t, "-addr", "127.0.0.1:0", "-db", ":memory:", "-sessions", address.String())
			want := "demo: keep sessions in " + address.Scheme + "://" + address.Host + address.Path + ": "
			if code != exitFailed || !strings.HasPrefix(errs, want) || strings.Index(errs, "\n") != len(errs)-1 || strings.Contains(errs, "hush") {
				t.Errorf("it ended with %d and said: %s", code, errs)
			}
		})
	}
}

// signIn signs an example account in and returns its id and the token of its session.
func signIn(t *testing.T, demo *program, name string) (id, token string) {
	t.Helper()
	signedIn, err := demo.client(t, "").SignIn(t.Context(), &demov1.SignInRequest{Email: name + "@example.com", Password: examplePassword})
	if err != nil {
		t.Fatal(err)
	}
	return signedIn.GetUserId(), signedIn.GetSessionToken()
}

// lists returns the code of a call of ListUsers, 0 for a success.
func lists(t *testing.T, demo *program, token string) connect.Code {
	t.Helper()
	if _, err := demo.client(t, token).ListUsers(t.Context(), &demov1.ListUsersRequest{}); err != nil {
		return connect.CodeOf(err)
	}
	return 0
}

// times are how long something took.
type times []time.Duration

// measure makes a call, which must be answered with a code.
func (s *times) measure(t *testing.T, want connect.Code, call func(context.Context) error) {
	t.Helper()
	began := time.Now()
	err := call(t.Context())
	*s = append(*s, time.Since(began))
	if err == nil && want != 0 || err != nil && connect.CodeOf(err) != want {
		t.Errorf("the next call got %v, want %s", err, want)
	}
}

func (s *times) String() string {
	sorted := slices.Sorted(slices.Values(*s))
	return sorted[len(sorted)/2].Round(10*time.Microsecond).String() + " in the median and " +
		sorted[len(sorted)-1].Round(10*time.Microsecond).String() + " at most"
}
