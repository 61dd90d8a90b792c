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
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/alexedwards/scs/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/apikey"
	"github.com/sallyport-rpc/sallyport/authn/session"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/account"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
	"github.com/sallyport-rpc/sallyport/server"
)

// pass is the password of everybody in these tests.
const pass = "correct horse battery staple"

// missing is the id of nobody.
const missing = "00000000-0000-4000-8000-000000000000"

// A house is the demo's API over a database, put together as the demo does.
type house struct {
	users     *directory.Directory
	sessions  *session.Manager
	keys      *apikey.Manager
	passwords *cheap
	service   *account.Service
	handler   *witness
	registry  *action.Registry
	diary     *diary
	log       *lines

	*world
	path string
	url  string // once it is served
}

// build makes a house on a database file.
func build(ctx context.Context, path string, stores ...scs.Store) (*house, error) {
	h := &house{passwords: &cheap{}, log: &lines{}, path: path}
	logger := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h.diary = &diary{Recorder: action.LogRecorder(logger)}
	var err error
	if h.users, err = directory.Open(ctx, path); err != nil {
		return nil, err
	}
	stores = append(stores, h.users.Sessions())
	if h.sessions, err = session.New(stores[0], h.users.Lookup, session.UnsafeWithoutSecure()); err != nil {
		return nil, err
	}
	if h.keys, err = apikey.New(h.users.Keys(), h.users.LookupKey); err != nil {
		return nil, err
	}
	tokens, err := newTokens()
	if err != nil {
		return nil, err
	}
	schemes := authn.Schemes{"session": h.sessions, "bearer": tokens, "apikey": h.keys}
	if h.registry, err = action.NewRegistry(schemes, action.WithRecorder(h.diary)); err != nil {
		return nil, err
	}
	h.service = account.New(h.users, h.sessions, h.keys, h.passwords, logger)
	h.handler = &witness{service: h.service}
	return h, demov1action.RegisterAccountService(h.registry, h.handler)
}

// A world is where tests begin: a database with one user of each role and another
// member, each of whom has signed in and has a key.
type world struct {
	file   []byte
	ids    map[string]string
	tokens map[string]string // of sessions
	// ownKeys are API keys, by whose they are.
	ownKeys map[string]key
}

// A key is an API key.
type key struct{ id, secret string }

// begin makes the world once. Tests work on copies of its file.
var begin = sync.OnceValues(func() (*world, error) {
	folder, err := os.MkdirTemp("", "account-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	ctx := context.Background()
	h, err := build(ctx, filepath.Join(folder, "demo.db"))
	if err != nil {
		return nil, err
	}
	transport, err := h.registry.InProcess()
	if err != nil {
		return nil, err
	}
	client := demov1client.NewAccountServiceClient(connect.NewClient(transport))
	w := &world{ids: map[string]string{}, tokens: map[string]string{}, ownKeys: map[string]key{}}
	for _, name := range []string{"admin", "auditor", "member", "other"} {
		role := directory.Role(name)
		if name == "other" {
			role = directory.Member
		}
		email := name + "@example.com"
		if _, err := h.users.Create(ctx, directory.User{Name: name, Email: email, Role: role, PasswordHash: h.passwords.hash(pass)}); err != nil {
			return nil, err
		}
		signedIn, err := client.SignIn(ctx, &demov1.SignInRequest{Email: email, Password: pass})
		if err != nil {
			return nil, err
		}
		w.ids[name], w.tokens[name] = signedIn.GetUser().GetId(), signedIn.GetSessionToken()
		issued, secret, err := h.keys.Issue(ctx, w.ids[name], name, nil, time.Now().Add(time.Hour))
		if err != nil {
			return nil, err
		}
		w.ownKeys[name] = key{issued.ID, secret}
	}
	if err := h.users.Close(); err != nil {
		return nil, err
	}
	w.file, err = os.ReadFile(h.path)
	return w, err
})

// newHouse builds a house in a world of its own. The store of sessions, if given, is
// used in place of the database's.
func newHouse(t *testing.T, store ...scs.Store) *house {
	t.Helper()
	w, err := begin()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "demo.db")
	if err := os.WriteFile(path, w.file, 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := build(t.Context(), path, store...)
	if err != nil {
		t.Fatal(err)
	}
	h.world = w
	t.Cleanup(func() { _ = h.users.Close() })
	return h
}

// serve serves the house until the test ends.
func (h *house) serve(t *testing.T) {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(h.log, nil))
	srv, err := server.New(h.registry, server.WithLogger(logger))
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
	h.url = "http://" + listener.Addr().String()
}

// dump returns everything that the tables hold, a line for a row, as another process
// would read it.
func (h *house) dump(t *testing.T) []string {
	t.Helper()
	db, err := sql.Open("sqlite", h.path)
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
func (h *house) change(t *testing.T, statement string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", h.path)
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

// expire lets every session of a user be over.
func (h *house) expire(t *testing.T, name string) {
	t.Helper()
	h.change(t, "UPDATE sessions SET expire_time = 1 WHERE user_id = ?", h.ids[name])
}
