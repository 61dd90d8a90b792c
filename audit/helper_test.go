package audit

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"golang.org/x/mod/sumdb/note"
	_ "modernc.org/sqlite"

	"github.com/sallyport-rpc/sallyport/action/event"
)

// A bench is a database with a log's key.
type fixture struct {
	db    *sql.DB
	store *Store
	path  string
	keys  note.Verifiers

	signer note.Signer
	kept   *keptFile
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.db")
	db := openSQLite(t, path)
	signer, verifier := keyPair(t, "example.com/audit")
	return &fixture{db: db, store: SQLite(db), path: path, keys: note.VerifierList(verifier), signer: signer, kept: &keptFile{}}
}

func openSQLite(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(4)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// open begins a log whose checkpoints are kept elsewhere too.
func (f *fixture) open(t testing.TB, options ...Option) *Log {
	t.Helper()
	options = append([]Option{WithCheckpointsTo("kept", f.kept.keep), WithCheckpointEvery(10, time.Hour)}, options...)
	log, err := Open(t.Context(), f.store, f.signer, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close(context.WithoutCancel(t.Context())) })
	return log
}

// write records events one by one, so that checkpoints are where they are expected.
func write(t testing.TB, log *Log, from, until int) {
	t.Helper()
	for i := from; i < until; i++ {
		if err := log.StrictRecorder().Record(t.Context(), allow(fmt.Sprintf("user-%d", i))); err != nil {
			t.Fatal(err)
		}
	}
}

func closeLog(t testing.TB, log *Log) {
	t.Helper()
	if err := log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) verify(t testing.TB) *Report {
	t.Helper()
	report, err := Verify(t.Context(), f.keys, []*Store{f.store}, Kept{"kept", f.kept.bytes()})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func (f *fixture) exec(t testing.TB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := f.db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// entries returns all entries of the database, in their order.
func (f *fixture) entries(t testing.TB, query Query) []Found {
	t.Helper()
	var all []Found
	for found, err := range f.store.Find(t.Context(), query) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found)
	}
	return all
}

func allow(principal string) *event.Event {
	return &event.Event{
		Kind:   event.Decided,
		CallID: "call-of-" + principal,
		Decision: event.Decision{
			Procedure: "/demo.v1.AccountService/GetUser", Outcome: event.Allow, Stage: event.StageHandle,
			PrincipalID: principal, Scheme: "session", Grant: "owner", Time: time.Now(),
		},
	}
}

func deny(principal string) *event.Event {
	denied := allow(principal)
	denied.Outcome, denied.Stage, denied.Grant = event.Deny, event.StageAuthorize, ""
	denied.Code, denied.Reason = connect.CodePermissionDenied, "no grant lets "+principal+" in"
	return denied
}

// keptFile keeps checkpoints in memory.
type keptFile struct {
	mu  sync.Mutex
	all []byte
}

func (k *keptFile) keep(_ context.Context, signed []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all = append(k.all, signed...)
	return nil
}

func (k *keptFile) bytes() []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]byte(nil), k.all...)
}
