package audit

import (
	"crypto/rand"
	"database/sql"
	"net/url"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	"golang.org/x/mod/sumdb/note"

	"github.com/sallyport-rpc/sallyport/internal/testservices"
)

// newPostgres returns a fixture on a schema of its own in PostgreSQL.
func newPostgres(t *testing.T) *fixture {
	t.Helper()
	address := testservices.Environment(t, "SALLYPORT_TEST_POSTGRES")
	schema := "audit_" + strings.ToLower(rand.Text())
	admin, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close() }()
	if _, err := admin.ExecContext(t.Context(), "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	own, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	query := own.Query()
	query.Set("search_path", schema)
	own.RawQuery = query.Encode()
	db, err := sql.Open("pgx", own.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	signer, verifier := keyPair(t, "example.com/audit")
	return &fixture{db: db, store: PostgreSQL(db), keys: note.VerifierList(verifier), signer: signer, kept: &keptFile{}}
}

// What holds of SQLite holds of PostgreSQL: the log, its proofs, pseudonyms and links,
// that nothing is changed, and that it is found where an owner changes it.
func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	f := newPostgres(t)
	log := f.open(t, WithPseudonyms())
	write(t, log, 0, 30)
	write(t, log, 5, 6) // one principal again
	closeLog(t, log)
	later := f.open(t)
	closeLog(t, later)
	if report := f.verify(t); len(report.Findings) > 0 || len(report.Logs) != 2 {
		t.Fatalf("report %+v", report)
	}
	if got := f.entries(t, Query{Principal: "user-5"}); len(got) != 2 {
		t.Errorf("of user-5: %+v", got)
	}
	if erased, err := f.store.Erase(t.Context(), "user-5"); !erased || err != nil {
		t.Errorf("erased %v, %v", erased, err)
	}
	event, proof, err := f.store.Prove(t.Context(), log.Name(), 17, f.keys)
	if err != nil {
		t.Fatal(err)
	}
	if _, number, err := CheckProof(event, proof, f.keys); err != nil || number != 17 {
		t.Errorf("proved %d, %v", number, err)
	}
	for _, statement := range []string{
		"UPDATE audit_events SET event = '{}'", "DELETE FROM audit_events", "TRUNCATE audit_events",
		"UPDATE audit_checkpoints SET signed = ''", "DELETE FROM audit_checkpoints",
		"UPDATE audit_principals SET secret = ''", "TRUNCATE audit_principals",
		"INSERT INTO audit_events SELECT log, number, hash, '{}' FROM audit_events ON CONFLICT (log, number) DO UPDATE SET event = '{}'",
	} {
		if _, err := f.db.ExecContext(t.Context(), statement); err == nil {
			t.Errorf("done: %s", statement)
		}
	}
	f.exec(t, "DROP TRIGGER audit_append_only ON audit_events")
	f.exec(t, "UPDATE audit_events SET event = replace(event, 'call-of-user-7', 'call-of-user-8')")
	report := f.verify(t)
	if len(report.Findings) != 1 || report.Findings[0].Kind != Changed || report.Findings[0].Text != "event 8 is not the one that was written" {
		t.Errorf("findings %+v", report.Findings)
	}
}

// Processes may open logs in one new database at the same time.
func TestPostgreSQLAtOnce(t *testing.T) {
	t.Parallel()
	f := newPostgres(t)
	done := make(chan error)
	for range 8 {
		go func() {
			log, err := Open(t.Context(), f.store, f.signer, WithCheckpointsTo("kept", f.kept.keep))
			if err == nil {
				err = log.StrictRecorder().Record(t.Context(), allow("ada"))
			}
			if err == nil {
				err = log.Close(t.Context())
			}
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if report := f.verify(t); len(report.Findings) > 0 || len(report.Logs) != 8 {
		t.Errorf("report %+v", report)
	}
}
