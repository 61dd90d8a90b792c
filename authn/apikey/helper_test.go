package apikey_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"hash/crc32"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/apikey"
)

// members is a Lookup that knows every owner, as a member with all scopes of the key.
func members(_ context.Context, key apikey.Key) (authn.Details, error) {
	return authn.Details{Roles: []string{"member"}, Scopes: key.Scopes}, nil
}

func newManager(tb testing.TB, store apikey.Store, options ...apikey.Option) *apikey.Manager {
	tb.Helper()
	manager, err := apikey.New(store, members, options...)
	if err != nil {
		tb.Fatal(err)
	}
	return manager
}

// issue makes a key that lives for an hour.
func issue(tb testing.TB, manager *apikey.Manager, owner string, scopes ...string) (apikey.Key, string) {
	tb.Helper()
	key, text, err := manager.Issue(tb.Context(), owner, "test", scopes, time.Now().Add(time.Hour))
	if err != nil {
		tb.Fatal(err)
	}
	return key, text
}

// headers are pairs of a name and a value; a name may come more than once.
type headers [][2]string

func (h headers) call() *connect.CallInfo {
	call := new(connect.CallInfo)
	for _, pair := range h {
		call.RequestHeader().Add(pair[0], pair[1])
	}
	return call
}

func bearer(token string) headers { return headers{{"Authorization", "Bearer " + token}} }

// outcome is a kind of answer of Authenticate.
func outcome(principal *authn.Principal, err error) string {
	switch {
	case principal != nil && err != nil:
		return "principal beside an error"
	case principal != nil:
		return principal.ID()
	case errors.Is(err, authn.ErrNoCredential):
		return "none"
	case errors.Is(err, authn.ErrInvalidCredential):
		return "invalid"
	case errors.Is(err, authn.ErrUnavailable):
		return "unavailable"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case err != nil:
		return "fault"
	default:
		return "nothing at all"
	}
}

func authenticate(tb testing.TB, manager *apikey.Manager, sent headers) string {
	tb.Helper()
	return outcome(manager.Authenticate(tb.Context(), sent.call()))
}

// reseal gives a body the checksum that belongs to it, as a forger would.
func reseal(body string) string {
	const alphabet = "abcdefghijklmnopqrstuvwxyz234567"
	sum, sealed := uint64(crc32.ChecksumIEEE([]byte(body)))<<3, []byte(body)
	for shift := 30; shift >= 0; shift -= 5 {
		sealed = append(sealed, alphabet[sum>>shift&31])
	}
	return string(sealed)
}

// eachStore runs a test with a store of every kind.
func eachStore(t *testing.T, test func(t *testing.T, store apikey.Store)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) { t.Parallel(); test(t, newMemory()) })
	t.Run("SQLite", func(t *testing.T) { t.Parallel(); test(t, migrated(t, apikey.SQLite(openSQLite(t)))) })
	t.Run("PostgreSQL", func(t *testing.T) { t.Parallel(); test(t, migrated(t, apikey.PostgreSQL(openPostgreSQL(t)))) })
}

func migrated(tb testing.TB, database *apikey.Database) *apikey.Database {
	tb.Helper()
	if err := database.Migrate(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return database
}

func openSQLite(tb testing.TB) *sql.DB {
	tb.Helper()
	return open(tb, "sqlite", "file:"+filepath.Join(tb.TempDir(), "keys.db")+
		"?_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)")
}

// openPostgreSQL makes a schema of the test's own on the server that the environment
// names.
func openPostgreSQL(tb testing.TB) *sql.DB {
	tb.Helper()
	db, _ := openSchema(tb)
	return db
}

// openSchema is openPostgreSQL, and returns the URL too.
func openSchema(tb testing.TB) (db *sql.DB, address string) {
	tb.Helper()
	name := os.Getenv("SALLYPORT_TEST_POSTGRES")
	if name == "" {
		tb.Skip("SALLYPORT_TEST_POSTGRES names no server: `make test-services` starts one")
	}
	schema := "apikey_" + strings.ToLower(rand.Text())
	admin := open(tb, "pgx", name)
	if _, err := admin.ExecContext(tb.Context(), "CREATE SCHEMA "+schema); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if _, err := admin.ExecContext(context.Background(), "DROP SCHEMA "+schema+" CASCADE"); err != nil {
			tb.Error(err)
		}
	})
	target, err := url.Parse(name)
	if err != nil {
		tb.Fatal(err)
	}
	query := target.Query()
	query.Set("search_path", schema)
	target.RawQuery = query.Encode()
	return open(tb, "pgx", target.String()), target.String()
}

// connect4 opens a pool of four connections that stay, and does not close it.
func connect4(tb testing.TB, address string) *sql.DB {
	tb.Helper()
	config, err := pgx.ParseConfig(address)
	if err != nil {
		tb.Fatal(err)
	}
	// Else what was idle for a second is pinged for the next caller, and a caller who leaves
	// meanwhile costs it: how long it is idle depends on the machine.
	unpinged := stdlib.OptionShouldPing(func(context.Context, stdlib.ShouldPingParams) bool { return false })
	db := stdlib.OpenDB(*config, unpinged)
	db.SetMaxOpenConns(4)
	db.SetMaxIdleConns(4)
	return db
}

func open(tb testing.TB, driver, name string) *sql.DB {
	tb.Helper()
	db, err := sql.Open(driver, name)
	if err != nil {
		tb.Fatal(err)
	}
	db.SetMaxOpenConns(4)
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	return db
}

// memory is a store in memory that counts writes, and lets a test in before it acts.
type memory struct {
	mu      sync.Mutex
	records map[string]apikey.Record
	writes  int
	// before, if set, runs before each operation and may fail it.
	before func(ctx context.Context, operation string) error
}

func newMemory() *memory { return &memory{records: make(map[string]apikey.Record)} }

func (m *memory) hook(before func(ctx context.Context, operation string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.before = before
}

func (m *memory) written() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.writes
}

// change edits the one record behind the back of the manager.
func (m *memory) change(edit func(record *apikey.Record)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, record := range m.records {
		edit(&record)
		m.records[id] = record
	}
}

// enter returns with the lock held, unless it fails.
func (m *memory) enter(ctx context.Context, operation string) error {
	m.mu.Lock()
	before := m.before
	m.mu.Unlock()
	if before != nil {
		if err := before(ctx, operation); err != nil {
			return err
		}
	}
	m.mu.Lock()
	return nil
}

func (m *memory) Add(ctx context.Context, record apikey.Record) error {
	if err := m.enter(ctx, "add"); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if _, taken := m.records[record.ID]; taken {
		return errors.New("taken")
	}
	m.records[record.ID] = record
	return nil
}

func (m *memory) Find(ctx context.Context, id string) (apikey.Record, bool, error) {
	if err := m.enter(ctx, "find"); err != nil {
		return apikey.Record{}, false, err
	}
	defer m.mu.Unlock()
	record, found := m.records[id]
	return record, found, nil
}

func (m *memory) List(ctx context.Context, owner string) ([]apikey.Key, error) {
	if err := m.enter(ctx, "list"); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	var keys []apikey.Key
	for _, record := range m.records {
		if record.Owner == owner {
			keys = append(keys, record.Key)
		}
	}
	slices.SortFunc(keys, func(a, b apikey.Key) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.ID, b.ID))
	})
	return keys, nil
}

func (m *memory) Remove(ctx context.Context, owner, id string) (bool, error) {
	if err := m.enter(ctx, "remove"); err != nil {
		return false, err
	}
	defer m.mu.Unlock()
	found := m.records[id].Owner == owner
	if found {
		delete(m.records, id)
	}
	return found, nil
}

func (m *memory) RemoveAll(ctx context.Context, owner string) error {
	if err := m.enter(ctx, "remove all"); err != nil {
		return err
	}
	defer m.mu.Unlock()
	for id, record := range m.records {
		if record.Owner == owner {
			delete(m.records, id)
		}
	}
	return nil
}

func (m *memory) MarkUsed(ctx context.Context, id string, at, notAfter time.Time) error {
	if err := m.enter(ctx, "mark used"); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if record, found := m.records[id]; found && !record.LastUsedAt.After(notAfter) {
		record.LastUsedAt = at.UTC().Truncate(time.Microsecond)
		m.records[id] = record
		m.writes++
	}
	return nil
}
