package directory

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"
)

// postgresMigrations lead from each version of the schema to the next, as [migrations] do,
// under the same rules. The table of versions is made with the first.
//
// Texts are compared and put in order by their bytes, in every locale of the server.
var postgresMigrations = [...]string{
	`
CREATE TABLE sallyport_demo_version (version INTEGER NOT NULL);
INSERT INTO sallyport_demo_version VALUES (0);

CREATE TABLE users (
	id                 TEXT COLLATE "C" PRIMARY KEY,
	name               TEXT COLLATE "C" NOT NULL,
	email              TEXT COLLATE "C" NOT NULL,
	role               TEXT COLLATE "C" NOT NULL CHECK (role IN ('member', 'auditor', 'admin')),
	password_hash      TEXT COLLATE "C" NOT NULL,
	create_time        BIGINT NOT NULL, -- microseconds since 1970, as all times
	session_generation TEXT COLLATE "C" NOT NULL DEFAULT 'first' CHECK (session_generation <> '')
);

-- Without regard to the case of ASCII letters, and of no others: that is what "C" says.
CREATE UNIQUE INDEX users_by_email ON users (lower(email COLLATE "C"));
CREATE INDEX users_by_create_time ON users (create_time, id);
CREATE INDEX users_by_role ON users (role);

-- A transaction that takes an administrator away writes its one row. Of two transactions that do
-- it together, the second waits for the first, and then sees what that left; one that would
-- look at an earlier moment fails.
CREATE TABLE last_admin (changes BIGINT NOT NULL);
INSERT INTO last_admin VALUES (0);

CREATE FUNCTION users_keep_an_admin() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
	UPDATE last_admin SET changes = changes + 1;
	IF TG_OP = 'TRUNCATE' THEN
		IF EXISTS (SELECT 1 FROM users WHERE role = 'admin') THEN
			RAISE EXCEPTION 'last admin' USING ERRCODE = 'SA001';
		END IF;
		RETURN NULL;
	END IF;
	IF NOT EXISTS (SELECT 1 FROM users WHERE role = 'admin' AND id <> OLD.id) THEN
		RAISE EXCEPTION 'last admin' USING ERRCODE = 'SA001';
	END IF;
	IF TG_OP = 'DELETE' THEN
		RETURN OLD;
	END IF;
	RETURN NEW;
END
$$;

CREATE TRIGGER users_keep_an_admin_on_delete BEFORE DELETE ON users FOR EACH ROW
	WHEN (OLD.role = 'admin') EXECUTE FUNCTION users_keep_an_admin();
CREATE TRIGGER users_keep_an_admin_on_update BEFORE UPDATE ON users FOR EACH ROW
	WHEN (OLD.role = 'admin' AND NEW.role <> 'admin') EXECUTE FUNCTION users_keep_an_admin();
CREATE TRIGGER users_keep_an_admin_on_truncate BEFORE TRUNCATE ON users FOR EACH STATEMENT
	EXECUTE FUNCTION users_keep_an_admin();

CREATE TABLE sessions (
	token       TEXT COLLATE "C" PRIMARY KEY,
	data        JSON NOT NULL, -- as it was written, unlike JSONB
	expire_time BIGINT NOT NULL,
	user_id     TEXT COLLATE "C" REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX sessions_by_expire_time ON sessions (expire_time);
CREATE INDEX sessions_by_user ON sessions (user_id);

-- What package apikey asks of the table, and that a key goes with its owner.
CREATE TABLE sallyport_api_keys (
	id            TEXT COLLATE "C" PRIMARY KEY,
	owner         TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	name          TEXT COLLATE "C" NOT NULL,
	scopes        TEXT COLLATE "C" NOT NULL,
	hash          BYTEA NOT NULL CHECK (length(hash) = 32),
	create_time   BIGINT NOT NULL,
	expire_time   BIGINT NOT NULL,
	last_use_time BIGINT,
	unscoped      BOOLEAN NOT NULL DEFAULT FALSE CHECK (NOT unscoped)
);

CREATE INDEX sallyport_api_keys_by_owner ON sallyport_api_keys (owner, create_time, id);

-- A role is the number of a demo.v1.OrgRole.
CREATE TABLE memberships (
	org_id  TEXT COLLATE "C" NOT NULL,
	user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	role    INTEGER NOT NULL CHECK (role IN (1, 2)),
	PRIMARY KEY (user_id, org_id)
);

CREATE INDEX memberships_by_org ON memberships (org_id, user_id);

-- A document belongs to its organisation, also once its owner's account is gone. A state is
-- the number of a demo.v1.Document.State.
CREATE TABLE documents (
	id          TEXT COLLATE "C" PRIMARY KEY,
	org_id      TEXT COLLATE "C" NOT NULL,
	owner_id    TEXT COLLATE "C" NOT NULL,
	title       TEXT COLLATE "C" NOT NULL,
	text        TEXT COLLATE "C" NOT NULL,
	state       INTEGER NOT NULL CHECK (state IN (1, 2)),
	create_time BIGINT NOT NULL
);

CREATE INDEX documents_by_org ON documents (org_id, create_time, id);
CREATE INDEX documents_by_create_time ON documents (create_time, id);

CREATE TABLE document_shares (
	document_id TEXT COLLATE "C" NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
	user_id     TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	PRIMARY KEY (document_id, user_id)
);

CREATE INDEX document_shares_by_user ON document_shares (user_id);
`,
}

// postgresLock is the lock under which the demo makes its schema. It is the same for the
// sessions that -sessions keeps, whose schema has the same name.
const postgresLock = 6008771947331347322

// preparePostgres creates the schema and adds the first users, or checks the schema that
// there is and brings it up to date, all in one transaction. In the end it writes the
// version even where it stays the same, which proves that the database can be written. It
// reports whether it created the schema.
func preparePostgres(ctx context.Context, db *sql.DB, schema string, config Config) (created bool, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(?)", int64(postgresLock)); err != nil {
		return false, err
	}
	version, err := postgresVersion(ctx, tx, schema)
	if err != nil {
		return false, err
	}
	if created = version == 0; created {
		if config.MustExist {
			return false, errMissing
		}
		if err := createSchema(ctx, tx, schema); err != nil {
			return false, err
		}
	}
	for _, migration := range postgresMigrations[version:] {
		if _, err := tx.ExecContext(ctx, migration); err != nil {
			return false, err
		}
	}
	if _, err := tx.ExecContext(ctx, "UPDATE sallyport_demo_version SET version = ?", len(postgresMigrations)); err != nil {
		return false, err
	}
	if created {
		if err := plant(ctx, tx, config.Seed); err != nil {
			return false, err
		}
	}
	return created, tx.Commit()
}

// createSchema creates the schema where there is none. Where there is one, a user who may
// not create schemas can use it.
func createSchema(ctx context.Context, tx *sql.Tx, schema string) error {
	var found bool
	if err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = ?)", schema).Scan(&found); err != nil || found {
		return err
	}
	//nolint:gosec // The name is quoted. It comes from the command line.
	_, err := tx.ExecContext(ctx, "CREATE SCHEMA "+pgx.Identifier{schema}.Sanitize())
	return err
}

// postgresVersion returns the version of the schema, 0 where there is nothing yet but
// sessions that -sessions keeps. It changes nothing.
func postgresVersion(ctx context.Context, tx *sql.Tx, schema string) (int, error) {
	var encoding string
	var ours, tables int
	err := tx.QueryRowContext(ctx, `SELECT current_setting('server_encoding'),
			count(*) FILTER (WHERE relname = 'sallyport_demo_version'), count(*) FILTER (WHERE relname <> 'sallyport_sessions')
		FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = ?)`,
		schema).Scan(&encoding, &ours, &tables)
	switch {
	case err != nil:
		return 0, err
	case encoding != "UTF8":
		return 0, errEncoding
	case tables == 0:
		return 0, nil
	case ours == 0:
		return 0, errForeign
	}
	var version int
	if err := tx.QueryRowContext(ctx, "SELECT version FROM sallyport_demo_version").Scan(&version); err != nil {
		return 0, err
	}
	switch {
	case version < 1:
		return 0, errForeign
	case version > len(postgresMigrations):
		return 0, errNewer
	}
	return version, nil
}
