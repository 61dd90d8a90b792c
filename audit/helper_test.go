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

func newFixture(tb testing.TB) *fixture {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "audit.db")
	db := openSQLite(tb, path)
	signer, verifier := keyPair(tb, "example.com/audit")
	return &fixture{db: db, store: SQLite(db), path: path, keys: note.VerifierList(verifier), signer: signer, kept: &keptFile{}}
}

func openSQLite(tb testing.TB, path string) *sql.DB {
	tb.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)&_txlock=immediate")
	if err != nil {
		tb.Fatal(err)
	}
	db.SetMaxOpenConns(4)
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

// open begins a log whose checkpoints are kept elsewhere too.
func (f *fixture) open(tb testing.TB, options ...Option) *Log {
	tb.Helper()
	options = append([]Option{WithCheckpointsTo("kept", f.kept.keep), WithCheckpointEvery(10, time.Hour)}, options...)
	log, err := Open(tb.Context(), f.store, f.signer, options...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = log.Close(context.WithoutCancel(tb.Context())) })
	return log
}

// write records events one by one, so that checkpoints are where they are expected.
func write(tb testing.TB, log *Log, from, until int) {
	tb.Helper()
	for i := from; i < until; i++ {
		if err := log.StrictRecorder().Record(tb.Context(), allow(fmt.Sprintf("user-%d", i))); err != nil {
			tb.Fatal(err)
		}
	}
}

func closeLog(tb testing.TB, log *Log) {
	tb.Helper()
	if err := log.Close(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

func (f *fixture) verify(tb testing.TB) *Report {
	tb.Helper()
	report, err := Verify(tb.Context(), f.keys, []*Store{f.store}, Kept{"kept", f.kept.bytes()})
	if err != nil {
		tb.Fatal(err)
	}
	return report
}

func (f *fixture) exec(tb testing.TB, statements ...string) {
	tb.Helper()
	for _, statement := range statements {
		if _, err := f.db.ExecContext(tb.Context(), statement); err != nil {
			tb.Fatalf("%s: %v", statement, err)
		}
	}
}

// entries returns all entries of the database, in their order.
func (f *fixture) entries(tb testing.TB, query Query) []Found {
	tb.Helper()
	var all []Found
	for found, err := range f.store.Find(tb.Context(), query) {
		if err != nil {
			tb.Fatal(err)
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
