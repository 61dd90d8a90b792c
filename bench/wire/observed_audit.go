package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	signing "golang.org/x/mod/sumdb/note"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/audit"
)

// postgresAddress is the variable with the address of a PostgreSQL server that is there
// for tests alone.
const postgresAddress = "SALLYPORT_TEST_POSTGRES"

// bestEffortSQLite keeps events when it can.
func bestEffortSQLite(ctx context.Context) (*observer, error) {
	return auditSQLite(ctx, func(log *audit.Log) action.RegistryOption { return action.WithRecorder(log.Recorder()) })
}

// strictSQLite runs no handler before its call's event is durable.
func strictSQLite(ctx context.Context) (*observer, error) { return auditSQLite(ctx, required) }

func required(log *audit.Log) action.RegistryOption {
	return action.WithRequiredRecorder(log.StrictRecorder())
}

// auditSQLite keeps events in a file, on the disk of temporary files.
func auditSQLite(ctx context.Context, recorder func(*audit.Log) action.RegistryOption) (*observer, error) {
	folder, err := os.MkdirTemp("", "observed")
	if err != nil {
		return nil, err
	}
	remove := func() { _ = os.RemoveAll(folder) }
	db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "audit.db")+"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)")
	if err != nil {
		remove()
		return nil, err
	}
	return newAudited(ctx, audit.SQLite(db), recorder, func() { _ = db.Close(); remove() })
}

// strictPostgres keeps events in a schema of its own, on a server that syncs what it
// commits.
func strictPostgres(ctx context.Context) (*observer, error) {
	address, err := url.Parse(os.Getenv(postgresAddress))
	if err != nil {
		return nil, err
	}
	schema := "observed_" + strings.ToLower(rand.Text())
	query := address.Query()
	query.Set("search_path", schema)
	query.Set("synchronous_commit", "on")
	address.RawQuery = query.Encode()
	db, err := sql.Open("pgx", address.String())
	if err != nil {
		return nil, err
	}
	for _, statement := range []string{
		"CREATE SCHEMA " + schema,
		"ALTER SYSTEM SET fsync = on", "ALTER SYSTEM SET full_page_writes = on", "SELECT pg_reload_conf()",
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return newAudited(ctx, audit.PostgreSQL(db), required, func() {
		_, _ = db.ExecContext(context.Background(), "DROP SCHEMA "+schema+" CASCADE")
		_ = db.Close()
	})
}

// newAudited opens a log with the defaults.
func newAudited(ctx context.Context, store *audit.Store, recorder func(*audit.Log) action.RegistryOption, end func()) (*observer, error) {
	private, public, err := signing.GenerateKey(rand.Reader, "observed")
	if err != nil {
		end()
		return nil, err
	}
	signer, err := signing.NewSigner(private)
	if err != nil {
		end()
		return nil, err
	}
	verifier, err := signing.NewVerifier(public)
	if err != nil {
		end()
		return nil, err
	}
	log, err := audit.Open(ctx, store, signer)
	if err != nil {
		end()
		return nil, err
	}
	return &observer{
		options: []action.RegistryOption{recorder(log)},
		count: func(ctx context.Context) (kept, lost int64, err error) {
			if err := log.Close(ctx); err != nil {
				return 0, 0, err
			}
			return countAudited(ctx, store, signing.VerifierList(verifier))
		},
		close: end,
	}, nil
}

// countAudited verifies a log and counts the calls that it let in, and the events that
// it says were lost.
func countAudited(ctx context.Context, store *audit.Store, keys signing.Verifiers) (kept, lost int64, err error) {
	report, err := audit.Verify(ctx, keys, []*audit.Store{store})
	if err != nil {
		return 0, 0, err
	}
	if len(report.Findings) > 0 || len(report.Logs) != 1 || report.Logs[0].Covered != report.Logs[0].Events {
		return 0, 0, fmt.Errorf("the log does not verify: %+v", report)
	}
	for found, err := range store.Find(ctx, audit.Query{}) {
		switch entry := found.Entry; {
		case err != nil:
			return 0, 0, err
		case entry.Kind == "decided" && entry.Outcome == "allow":
			kept++
		case entry.Kind == "lost":
			lost += int64(entry.Lost)
		}
	}
	return kept, lost, nil
}
