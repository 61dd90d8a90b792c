package directory

import (
	"context"
	"database/sql"
	"errors"
)

// applicationID marks the file as ours ("SALY"), so that another program's database
// is recognised and left alone.
const applicationID = 0x53414c59

// migrations lead from each schema version to the next, and say so in the file; the
// last one leads to what this build knows. Released ones never change.
var migrations = [...]string{
	`
PRAGMA application_id = 0x53414c59;
PRAGMA user_version = 1;

CREATE TABLE users (
	id            TEXT PRIMARY KEY,
	name          TEXT NOT NULL,
	email         TEXT NOT NULL UNIQUE COLLATE NOCASE,
	role          TEXT NOT NULL CHECK (role IN ('member', 'auditor', 'admin')),
	password_hash TEXT NOT NULL,
	create_time   INTEGER NOT NULL -- microseconds since 1970
) STRICT, WITHOUT ROWID;

CREATE INDEX users_by_create_time ON users (create_time, id);
CREATE INDEX users_by_role ON users (role);

CREATE TRIGGER users_keep_an_admin_on_delete BEFORE DELETE ON users
WHEN OLD.role = 'admin' AND (SELECT count(*) FROM users WHERE role = 'admin') = 1
BEGIN SELECT RAISE(ABORT, 'last admin'); END;

CREATE TRIGGER users_keep_an_admin_on_update BEFORE UPDATE OF role ON users
WHEN OLD.role = 'admin' AND NEW.role <> 'admin' AND (SELECT count(*) FROM users WHERE role = 'admin') = 1
BEGIN SELECT RAISE(ABORT, 'last admin'); END;

CREATE TABLE sessions (
	token       TEXT PRIMARY KEY,
	data        TEXT NOT NULL,
	expire_time INTEGER NOT NULL, -- microseconds since 1970
	user_id     TEXT REFERENCES users (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_expire_time ON sessions (expire_time);
CREATE INDEX sessions_by_user ON sessions (user_id);
`,
	// What package apikey asks of the table, and that a key goes with its owner.
	`
PRAGMA user_version = 2;

CREATE TABLE sallyport_api_keys (
	id            TEXT PRIMARY KEY,
	owner         TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	name          TEXT NOT NULL,
	scopes        TEXT NOT NULL,
	hash          BLOB NOT NULL CHECK (length(hash) = 32),
	create_time   INTEGER NOT NULL, -- microseconds since 1970, as all times
	expire_time   INTEGER NOT NULL,
	last_use_time INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX sallyport_api_keys_by_owner ON sallyport_api_keys (owner, create_time, id);
`,
}

// Conditions that a file can be found in.
var (
	errForeign = errors.New("database of another program")
	errNewer   = errors.New("database of a newer schema")
)

// prepare brings the schema up to date. It writes nothing before it knows that the
// file is ours or empty, and proves that the file can be written even where there
// is nothing to do.
func prepare(ctx context.Context, db *sql.DB) error {
	if _, err := version(ctx, db); err != nil {
		return err
	}
	// The journal mode stays with the file, and cannot change within a transaction.
	if _, err := db.ExecContext(ctx, "PRAGMA journal_mode = WAL"); err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	// Another process may have been faster.
	current, err := version(ctx, tx)
	if err != nil {
		return err
	}
	for ; current < len(migrations); current++ {
		if _, err := tx.ExecContext(ctx, migrations[current]); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// querier is a database or a transaction of one.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// version returns the schema version of a file of ours, and 0 for an empty one.
func version(ctx context.Context, db querier) (int, error) {
	var application, user, tables int
	err := db.QueryRowContext(ctx, `SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)
		FROM pragma_application_id, pragma_user_version`).Scan(&application, &user, &tables)
	switch {
	case err != nil:
		return 0, err
	case application == 0 && user == 0 && tables == 0:
		return 0, nil
	case application != applicationID || user < 1:
		return 0, errForeign
	case user > len(migrations):
		return 0, errNewer
	default:
		return user, nil
	}
}
