package account_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/alexedwards/scs/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/apikey"
	"github.com/sallyport-rpc/sallyport/authn/session"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/account"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
	"github.com/sallyport-rpc/sallyport/limit"
	"github.com/sallyport-rpc/sallyport/server"
)

// pass is the password of every user in these tests.
const pass = "correct horse battery staple"

// missing is an id that no user has.
const missing = "00000000-0000-4000-8000-000000000000"

// A fixture is the API over a database, put together as the demo does it.
type fixture struct {
	users     *directory.Directory
	sessions  *session.Manager
	keys      *apikey.Manager
	passwords *fakeHasher
	service   *account.Service
	handler   *countingHandler
	registry  *action.Registry
	recorder  *recorder
	log       *logBuffer
	limits    *limits
	// between, if set, is what happens after a document is loaded.
	between func(id string) error

	*snapshot
	path string
	url  string // once it is served
}

// build makes a fixture on a database file.
func build(ctx context.Context, path string, config directory.Config, stores ...scs.Store) (*fixture, error) {
	f := &fixture{passwords: &fakeHasher{}, log: &logBuffer{}, limits: &limits{}, path: path}
	logger := slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	f.recorder = &recorder{Recorder: event.LogRecorder(logger)}
	var err error
	if f.users, err = directory.Open(ctx, path, config); err != nil {
		return nil, err
	}
	stores = append(stores, f.users.Sessions())
	if f.sessions, err = session.New(stores[0], f.users.Lookup, session.UnsafeWithoutSecure(), session.WithGeneration(f.users.Generation)); err != nil {
		return nil, err
	}
	if f.keys, err = apikey.New(f.users.Keys(), f.users.LookupKey); err != nil {
		return nil, err
	}
	tokens, err := newTokens()
	if err != nil {
		return nil, err
	}
	if f.limits.Memory, err = limit.NewMemory(); err != nil {
		return nil, err
	}
	schemes := authn.Schemes{"session": f.sessions, "bearer": tokens, "apikey": f.keys}
	if f.registry, err = action.NewRegistry(schemes, action.WithRecorder(f.recorder), action.WithLimiter(f.limits), action.WithRelations(f.users.Viewers())); err != nil {
		return nil, err
	}
	f.service = account.New(account.Config{Users: f.users, Sessions: f.sessions, Keys: f.keys, Passwords: f.passwords, Log: logger, UnsafeWithoutSecure: true})
	f.handler = &countingHandler{service: f.service}
	return f, demov1action.RegisterAccountService(f.registry, f.handler)
}

// limits counts calls as the demo does, unless a test is about something else.
type limits struct {
	*limit.Memory

	off atomic.Bool
}

// Take implements [limit.Limiter].
func (l *limits) Take(ctx context.Context, buckets []limit.Bucket) (wait time.Duration, over int, err error) {
	if l.off.Load() {
		return 0, 0, nil
	}
	return l.Memory.Take(ctx, buckets)
}

// A snapshot is what tests begin with: a database with one user of each role and another
// member. Each has signed in and has a key.
type snapshot struct {
	file   []byte
	ids    map[string]string
	tokens map[string]string // of sessions
	// ownKeys are API keys, by the names of their owners.
	ownKeys map[string]key
}

// A key is an API key.
type key struct{ id, secret string }

// begin makes the snapshot once. Tests work on copies of its file.
var begin = sync.OnceValues(func() (*snapshot, error) {
	folder, err := os.MkdirTemp("", "account-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	ctx := context.Background()
	f, err := build(ctx, filepath.Join(folder, "demo.db"), directory.Config{})
	if err != nil {
		return nil, err
	}
	transport, err := f.registry.InProcess()
	if err != nil {
		return nil, err
	}
	client := demov1client.NewAccountServiceClient(connect.NewClient(transport))
	w := &snapshot{ids: map[string]string{}, tokens: map[string]string{}, ownKeys: map[string]key{}}
	for _, name := range []string{"admin", "auditor", "member", "other"} {
		role := directory.Role(name)
		if name == "other" {
			role = directory.Member
		}
		email := name + "@example.com"
		if _, err := f.users.Create(ctx, directory.User{Name: name, Email: email, Role: role, PasswordHash: f.passwords.hash(pass)}); err != nil {
			return nil, err
		}
		signedIn, err := client.SignIn(ctx, &demov1.SignInRequest{Email: email, Password: pass})
		if err != nil {
			return nil, err
		}
		w.ids[name], w.tokens[name] = signedIn.GetUserId(), signedIn.GetSessionToken()
		issued, secret, err := f.keys.Issue(ctx, w.ids[name], name, []string{demov1client.ScopeUsersRead, demov1client.ScopeUsersWrite}, time.Now().Add(time.Hour))
		if err != nil {
			return nil, err
		}
		w.ownKeys[name] = key{issued.ID, secret}
	}
	if err := f.users.Close(); err != nil {
		return nil, err
	}
	w.file, err = os.ReadFile(f.path)
	return w, err
})

// newFixture builds a fixture on a copy of the snapshot. The store of sessions, if given,
// is used in place of the database's.
func newFixture(t *testing.T, store ...scs.Store) *fixture {
	t.Helper()
	return newFixtureWith(t, directory.Config{}, store...)
}

// newFixtureWith is newFixture with a directory of another configuration.
func newFixtureWith(t *testing.T, config directory.Config, store ...scs.Store) *fixture {
	t.Helper()
	w, err := begin()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "demo.db")
	if err := os.WriteFile(path, w.file, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := build(t.Context(), path, config, store...)
	if err != nil {
		t.Fatal(err)
	}
	f.snapshot = w
	t.Cleanup(func() { _ = f.users.Close() })
	return f
}

// serve serves the fixture until the test ends.
func (f *fixture) serve(t *testing.T) {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(f.log, nil))
	srv, err := server.New(f.registry, server.WithLogger(logger))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	f.url = "http://" + listener.Addr().String()
}

// dump returns everything that the tables hold, a line for a row, as another process
// would read it.
func (f *fixture) dump(t *testing.T) []string {
	t.Helper()
	db, err := sql.Open("sqlite", f.path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows := []string{}
	for _, table := range []string{"users", "sessions", "sallyport_api_keys"} {
		found, err := db.QueryContext(t.Context(), "SELECT * FROM "+table+" ORDER BY 1") //nolint:unqueryvet // all of it
		if err != nil {
			t.Fatal(err)
		}
		defer found.Close()
		columns, err := found.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for found.Next() {
			row, into := make([]any, len(columns)), make([]any, len(columns))
			for i := range row {
				into[i] = &row[i]
			}
			if err := found.Scan(into...); err != nil {
				t.Fatal(err)
			}
			rows = append(rows, table+": "+fmt.Sprint(row))
		}
		if err := found.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return rows
}

// change runs a statement on the database, as another process would.
func (f *fixture) change(t *testing.T, statement string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", f.path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	result, err := db.ExecContext(t.Context(), statement, args...)
	if err != nil {
		t.Fatal(err)
	}
	if changed, err := result.RowsAffected(); err != nil || changed == 0 {
		t.Fatalf("%q changed nothing: %v", statement, err)
	}
}

// expire makes every session of a user expire.
func (f *fixture) expire(t *testing.T, name string) {
	t.Helper()
	f.change(t, "UPDATE sessions SET expire_time = 1 WHERE user_id = ?", f.ids[name])
}
