package pgstore_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sallyport-rpc/sallyport/authn/session/pgstore"
	"github.com/sallyport-rpc/sallyport/internal/testservices"
)

const maxConns = 4

// A server is a real PostgreSQL, with a schema of the test's own.
type server struct {
	config *pgxpool.Config
	admin  *pgxpool.Pool
}

func newServer(t *testing.T) *server {
	t.Helper()
	config, err := pgxpool.ParseConfig(testservices.Environment(t, "SALLYPORT_TEST_POSTGRES"))
	if err != nil {
		t.Fatal(err)
	}
	schema := "pgstore_" + strings.ToLower(rand.Text())
	config.MaxConns = maxConns
	config.ConnConfig.RuntimeParams["search_path"] = schema
	// A test's own context ends before its clean-up.
	admin, err := pgxpool.NewWithConfig(context.WithoutCancel(t.Context()), config.Copy())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Exec(t.Context(), "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	if err := newStore(t, admin).Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.Exec(context.Background(), "DROP SCHEMA "+schema+" CASCADE"); err != nil {
			t.Error(err)
		}
		admin.Close()
	})
	return &server{config, admin}
}

// pool returns a pool whose connections go through a proxy that delays each direction.
func (s *server) pool(t *testing.T, delay time.Duration) (*pgxpool.Pool, *testservices.Proxy) {
	t.Helper()
	config := s.config.Copy()
	address := net.JoinHostPort(config.ConnConfig.Host, strconv.Itoa(int(config.ConnConfig.Port)))
	proxy := testservices.NewProxy(t, address, delay)
	host, port, err := net.SplitHostPort(proxy.Address())
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.Host, config.ConnConfig.Port = host, uint16(number)
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(t.Context()), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pgstore.Close(pool) })
	return pool, proxy
}

func newStore(t *testing.T, pool *pgxpool.Pool) *pgstore.Store {
	t.Helper()
	store, err := pgstore.New(pool)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func commit(t *testing.T, store *pgstore.Store, token string, lives time.Duration) {
	t.Helper()
	if err := store.CommitCtx(t.Context(), token, []byte("data of "+token), time.Now().Add(lives)); err != nil {
		t.Fatal(err)
	}
}

func find(t *testing.T, store *pgstore.Store, token string) string {
	t.Helper()
	data, found, err := store.FindCtx(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if !found {
		return "not found"
	}
	return string(data)
}

func (s *server) rows(t *testing.T) int {
	t.Helper()
	var count int
	if err := s.admin.QueryRow(t.Context(), "SELECT count(*) FROM sallyport_sessions").Scan(&count); err != nil {
		t.Fatal(err)
	}
	return count
}

func TestNewWithoutPool(t *testing.T) {
	t.Parallel()
	if store, err := pgstore.New(nil); store != nil || err == nil {
		t.Errorf("got %v and %v", store, err)
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	store := newStore(t, server.admin)
	expect := func(when, token, want string) {
		t.Helper()
		if got := find(t, store, token); got != want {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	expect("at first", "a", "not found")
	commit(t, store, "a", time.Hour)
	commit(t, store, "b", time.Hour)
	expect("committed", "a", "data of a")
	if err := store.CommitCtx(t.Context(), "a", []byte{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	expect("overwritten", "a", "")
	for range 2 {
		if err := store.DeleteCtx(t.Context(), "a"); err != nil {
			t.Error(err)
		}
	}
	expect("deleted", "a", "not found")
	expect("another", "b", "data of b")

	commit(t, store, "c", -time.Second)
	expect("expired", "c", "not found")
	commit(t, store, "c", time.Hour)
	expect("expired and written again", "c", "data of c")

	// Those without a context.
	if err := store.Commit("d", []byte("x"), time.Now().Add(time.Hour)); err != nil {
		t.Error(err)
	}
	if data, found, err := store.Find("d"); string(data) != "x" || !found || err != nil {
		t.Errorf("Find: %q, %v, %v", data, found, err)
	}
	if err := store.Delete("d"); err != nil {
		t.Error(err)
	}
	expect("deleted without a context", "d", "not found")
}

// What has expired is removed as new entries are written, and nothing else is.
func TestSweep(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	store := newStore(t, server.admin)
	commit(t, store, "live", time.Hour)
	if _, err := server.admin.Exec(t.Context(), `INSERT INTO sallyport_sessions
		SELECT 'old ' || i, '', current_timestamp - interval '1 second' FROM generate_series(1, 250) AS i`); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{1 + 250 - 100 + 1, 1 + 50 + 2, 1 + 3, 1 + 4} {
		commit(t, store, fmt.Sprint("new ", i), time.Hour)
		if got := server.rows(t); got != want {
			t.Errorf("after %d entries: %d rows, want %d", i+1, got, want)
		}
	}
	if got := find(t, store, "live"); got != "data of live" {
		t.Errorf("a live entry: %s", got)
	}
}

// Several processes migrate, write and sweep at once.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	if _, err := server.admin.Exec(t.Context(), "DROP TABLE sallyport_sessions"); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for process := range 4 {
		pool, _ := server.pool(t, 0)
		store := newStore(t, pool)
		group.Go(func() {
			if err := store.Migrate(t.Context()); err != nil {
				t.Error(err)
				return
			}
			for i := range 100 {
				token := fmt.Sprint(process, i)
				if err := store.CommitCtx(t.Context(), token, []byte(token), time.Now().Add(time.Hour)); err != nil {
					t.Error(err)
				}
				if err := store.CommitCtx(t.Context(), "expired "+token, nil, time.Now()); err != nil {
					t.Error(err)
				}
				if data, found, err := store.FindCtx(t.Context(), token); string(data) != token || !found || err != nil {
					t.Errorf("%s: %q, %v, %v", token, data, found, err)
				}
			}
		})
	}
	group.Wait()
}

// What the database refuses is an error: no entry is taken for one that is not there, and
// none that was not written for one that was.
func TestRefusedByTheDatabase(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	store := newStore(t, server.admin)
	if _, err := server.admin.Exec(t.Context(), "DROP TABLE sallyport_sessions"); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour)
	for name, do := range map[string]func() error{
		"FindCtx":   func() error { _, _, err := store.FindCtx(t.Context(), "x"); return err },
		"Find":      func() error { _, _, err := store.Find("x"); return err },
		"CommitCtx": func() error { return store.CommitCtx(t.Context(), "x", nil, later) },
		"Commit":    func() error { return store.Commit("x", nil, later) },
		"DeleteCtx": func() error { return store.DeleteCtx(t.Context(), "x") },
		"Delete":    func() error { return store.Delete("x") },
	} {
		if err := do(); err == nil || !strings.Contains(err.Error(), "42P01") {
			t.Errorf("%s without a table: %v", name, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := store.Migrate(ended); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "pgstore: migrate") {
		t.Errorf("Migrate: %v", err)
	}
}

// Close closes the connections, and waits no longer than that takes.
func TestClose(t *testing.T) {
	t.Parallel()
	pool, _ := newServer(t).pool(t, 0)
	if err := pool.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	pgstore.Close(pool)
	if took := time.Since(began); took >= 2*time.Second { // for so long it waits for a silent server
		t.Errorf("it took %v", took)
	}
	if err := pool.Ping(t.Context()); err == nil {
		t.Error("the pool is open")
	}
}
