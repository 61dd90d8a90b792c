package pgstore

// Schema is the schema of a [Store]. The lock is there because two processes that
// migrate at once would both find the table missing.
const Schema = `
SELECT pg_advisory_xact_lock(6008771947331347323);

CREATE TABLE IF NOT EXISTS sallyport_sessions (
	token       TEXT PRIMARY KEY,
	data        BYTEA NOT NULL,
	expire_time TIMESTAMPTZ NOT NULL
);

CREATE INDEX IF NOT EXISTS sallyport_sessions_by_expiry ON sallyport_sessions (expire_time);
`
