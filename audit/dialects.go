package audit

// The tables of both databases:
//
//   - audit_events: the events of all logs. A log's events are numbered from 0. The
//     hash is the leaf hash of the event's bytes (RFC 6962, section 2.1).
//   - audit_checkpoints: what each log signed. The frontier saves reading the log when
//     another log names it; nothing is proved by it.
//   - audit_principals: the keys of the principals' pseudonyms, of which alone rows may
//     be deleted. See [Store.Erase].
var sqliteDialect = dialect{name: "SQLite", schema: []string{
	`CREATE TABLE IF NOT EXISTS audit_events (
	log TEXT NOT NULL,
	number INTEGER NOT NULL,
	hash BLOB NOT NULL,
	event TEXT NOT NULL,
	PRIMARY KEY (log, number)
) WITHOUT ROWID`,
	`CREATE TABLE IF NOT EXISTS audit_checkpoints (
	log TEXT NOT NULL,
	size INTEGER NOT NULL,
	signed TEXT NOT NULL,
	frontier BLOB NOT NULL,
	PRIMARY KEY (log, size)
) WITHOUT ROWID`,
	`CREATE TABLE IF NOT EXISTS audit_principals (
	principal TEXT NOT NULL PRIMARY KEY,
	secret BLOB NOT NULL
) WITHOUT ROWID`,
	// REPLACE deletes without a trigger, so a second row of one key is refused first.
	`CREATE TRIGGER IF NOT EXISTS audit_events_insert BEFORE INSERT ON audit_events WHEN EXISTS (SELECT 1 FROM audit_events WHERE log = NEW.log AND number = NEW.number) BEGIN SELECT RAISE(ABORT, 'audit_events is append only'); END`,
	`CREATE TRIGGER IF NOT EXISTS audit_checkpoints_insert BEFORE INSERT ON audit_checkpoints WHEN EXISTS (SELECT 1 FROM audit_checkpoints WHERE log = NEW.log AND size = NEW.size) BEGIN SELECT RAISE(ABORT, 'audit_checkpoints is append only'); END`,
	`CREATE TRIGGER IF NOT EXISTS audit_events_update BEFORE UPDATE ON audit_events BEGIN SELECT RAISE(ABORT, 'audit_events is append only'); END`,
	`CREATE TRIGGER IF NOT EXISTS audit_events_delete BEFORE DELETE ON audit_events BEGIN SELECT RAISE(ABORT, 'audit_events is append only'); END`,
	`CREATE TRIGGER IF NOT EXISTS audit_checkpoints_update BEFORE UPDATE ON audit_checkpoints BEGIN SELECT RAISE(ABORT, 'audit_checkpoints is append only'); END`,
	`CREATE TRIGGER IF NOT EXISTS audit_checkpoints_delete BEFORE DELETE ON audit_checkpoints BEGIN SELECT RAISE(ABORT, 'audit_checkpoints is append only'); END`,
	`CREATE TRIGGER IF NOT EXISTS audit_principals_update BEFORE UPDATE ON audit_principals BEGIN SELECT RAISE(ABORT, 'audit_principals is added to and erased from'); END`,
}}

var postgresDialect = dialect{name: "PostgreSQL", schema: []string{
	`CREATE TABLE IF NOT EXISTS audit_events (
	log text NOT NULL,
	number bigint NOT NULL,
	hash bytea NOT NULL,
	event text NOT NULL,
	PRIMARY KEY (log, number)
)`,
	`CREATE TABLE IF NOT EXISTS audit_checkpoints (
	log text NOT NULL,
	size bigint NOT NULL,
	signed text NOT NULL,
	frontier bytea NOT NULL,
	PRIMARY KEY (log, size)
)`,
	`CREATE TABLE IF NOT EXISTS audit_principals (
	principal text NOT NULL PRIMARY KEY,
	secret bytea NOT NULL
)`,
	`CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append only', TG_TABLE_NAME; END $$`,
	`CREATE OR REPLACE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events EXECUTE FUNCTION audit_append_only()`,
	`CREATE OR REPLACE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoints EXECUTE FUNCTION audit_append_only()`,
	`CREATE OR REPLACE TRIGGER audit_append_only BEFORE UPDATE OR TRUNCATE ON audit_principals EXECUTE FUNCTION audit_append_only()`,
}}
