package apikey

// SQLiteSchema is the schema of [SQLite]. Times are microseconds since 1970, and
// scopes are separated by spaces.
const SQLiteSchema = `
CREATE TABLE IF NOT EXISTS sallyport_api_keys (
	id            TEXT PRIMARY KEY,
	owner         TEXT NOT NULL CHECK (owner <> ''),
	name          TEXT NOT NULL,
	scopes        TEXT NOT NULL,
	hash          BLOB NOT NULL CHECK (length(hash) = 32),
	create_time   INTEGER NOT NULL,
	expire_time   INTEGER NOT NULL,
	last_use_time INTEGER,
	unscoped      INTEGER NOT NULL CHECK (unscoped IN (0, 1) AND (unscoped = 0 OR scopes = ''))
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS sallyport_api_keys_by_owner ON sallyport_api_keys (owner, create_time, id);
`

// PostgreSQLSchema is the schema of [PostgreSQL], the same but for the names of types.
// Its statements run in one transaction. The lock is there because two of them at
// once would both find the table missing.
const PostgreSQLSchema = `
SELECT pg_advisory_xact_lock(6008771947331347321);

CREATE TABLE IF NOT EXISTS sallyport_api_keys (
	id            TEXT PRIMARY KEY,
	owner         TEXT NOT NULL CHECK (owner <> ''),
	name          TEXT NOT NULL,
	scopes        TEXT NOT NULL,
	hash          BYTEA NOT NULL CHECK (length(hash) = 32),
	create_time   BIGINT NOT NULL,
	expire_time   BIGINT NOT NULL,
	last_use_time BIGINT,
	unscoped      BOOLEAN NOT NULL CHECK (NOT unscoped OR scopes = '')
);

CREATE INDEX IF NOT EXISTS sallyport_api_keys_by_owner ON sallyport_api_keys (owner, create_time, id);
`
