package directory

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
)

// applicationID marks the file as ours ("SALY"), so that the database of another program
// is recognised and left alone.
const applicationID = 0x53414c59

// migrations lead from each schema version to the next. The version is in the file.
// Released migrations never change.
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
	// Keys that were made before have no scopes, and open nothing.
	`
PRAGMA user_version = 3;

ALTER TABLE sallyport_api_keys ADD COLUMN unscoped INTEGER NOT NULL DEFAULT 0 CHECK (unscoped = 0);
`,
	// Sessions that were started before have no generation, and end.
	`
PRAGMA user_version = 4;

ALTER TABLE users ADD COLUMN session_generation TEXT NOT NULL DEFAULT 'first' CHECK (session_generation <> '');
`,
	// A role is the number of a demo.v1.OrgRole.
	`
PRAGMA user_version = 5;

CREATE TABLE memberships (
	org_id  TEXT NOT NULL,
	user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	role    INTEGER NOT NULL CHECK (role IN (1, 2)),
	PRIMARY KEY (user_id, org_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX memberships_by_org ON memberships (org_id, user_id);
`,
	// A document belongs to its organisation, also once its owner's account is gone. A state
	// is the number of a demo.v1.Document.State.
	`
PRAGMA user_version = 6;

CREATE TABLE documents (
	id          TEXT PRIMARY KEY,
	org_id      TEXT NOT NULL,
	owner_id    TEXT NOT NULL,
	title       TEXT NOT NULL,
	text        TEXT NOT NULL,
	state       INTEGER NOT NULL CHECK (state IN (1, 2)),
	create_time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX documents_by_org ON documents (org_id, create_time, id);

CREATE TABLE document_shares (
	document_id TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
	user_id     TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	PRIMARY KEY (document_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX document_shares_by_user ON document_shares (user_id);
`,
	// A list is in this order.
	`
PRAGMA user_version = 7;

CREATE INDEX documents_by_create_time ON documents (create_time, id);
`,
}

// initialize creates the schema in an empty database and adds the first users, all in
// one transaction. Closing the database then leaves no log beside it.
func initialize(ctx context.Context, db *sql.DB, seed func(context.Context) ([]User, error)) error {
	// Here, where nothing else reads the file: the switch fails where something does.
	if _, err := db.ExecContext(ctx, "PRAGMA journal_mode = WAL"); err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := migrate(ctx, tx, 0); err != nil {
		return err
	}
	if err := plant(ctx, tx, seed); err != nil {
		return err
	}
	return tx.Commit()
}

// plant adds the first users.
func plant(ctx context.Context, tx *sql.Tx, seed func(context.Context) ([]User, error)) error {
	if seed == nil {
		return nil
	}
	users, err := seed(ctx)
	if err != nil {
		return err
	}
	for _, user := range users {
		if _, err := insert(ctx, tx, user); err != nil {
			return err
		}
	}
	return nil
}

// prepare checks an existing database and brings its schema up to date. It writes
// nothing before it knows that the file is sound and ours. In the end it writes the
// schema version even where it stays the same, which proves that there is room.
func prepare(ctx context.Context, db *sql.DB) error {
	if _, err := version(ctx, db); err != nil {
		return err
	}
	var sound string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&sound); err != nil {
		return err
	}
	if sound != "ok" {
		return fmt.Errorf("%w: %s", ErrDamaged, sound)
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
	current, err := version(ctx, tx) // another process may have been faster
	if err != nil {
		return err
	}
	if err := migrate(ctx, tx, current); err != nil {
		return err
	}
	return tx.Commit()
}

// migrate leads a schema from a version to the newest.
func migrate(ctx context.Context, tx *sql.Tx, version int) error {
	for ; version < len(migrations); version++ {
		if _, err := tx.ExecContext(ctx, migrations[version]); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, "PRAGMA user_version = "+strconv.Itoa(len(migrations)))
	return err
}

// querier is a database or a transaction of one.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// version returns the schema version of a file. It fails with errBlank on a database
// that holds nothing.
func version(ctx context.Context, db querier) (int, error) {
	var application, user, tables int
	err := db.QueryRowContext(ctx, `SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)
		FROM pragma_application_id, pragma_user_version`).Scan(&application, &user, &tables)
	switch {
	case err != nil:
		return 0, err
	case application == 0 && user == 0 && tables == 0:
		return 0, errBlank
	case application != applicationID || user < 1:
		return 0, errForeign
	case user > len(migrations):
		return 0, errNewer
	default:
		return user, nil
	}
}
