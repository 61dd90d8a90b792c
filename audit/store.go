package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"math/bits"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// A Store is a database that holds logs. Make one with [SQLite] or [PostgreSQL]. It is
// safe for concurrent use, and any number of processes may write to one database, each
// a log of its own. The caller owns the database handle.
//
// What it holds is added to and never changed: triggers refuse every UPDATE and DELETE
// but those of the keys of principals. The owner of the database can take the triggers
// away; what is changed then is what [Verify] finds.
type Store struct {
	db      *sql.DB
	dialect dialect
}

// A dialect is what two databases do not say alike.
type dialect struct {
	name   string
	schema []string
}

// SQLite returns a store in an SQLite database. Its connections should have the
// pragmas journal_mode=WAL, synchronous=FULL, so that a commit is durable, and a
// busy_timeout.
func SQLite(db *sql.DB) *Store { return &Store{db, sqliteDialect} }

// PostgreSQL returns a store in a PostgreSQL database, in the first schema of the
// connection's search path.
func PostgreSQL(db *sql.DB) *Store { return &Store{db, postgresDialect} }

// Create makes the tables and triggers that are not there yet. [Open] calls it. It
// needs the right to create them; where a program must not have that, an operator runs
// [Store.Schema] once, and Create finds everything there.
func (s *Store) Create(ctx context.Context) error {
	if s.created(ctx) {
		return nil
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("audit: create the tables: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	for _, statement := range s.dialect.schema {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			if s.created(ctx) {
				return nil // another process was first
			}
			return fmt.Errorf("audit: create the tables: %w", err)
		}
	}
	if err := tx.Commit(); err != nil && !s.created(ctx) {
		return fmt.Errorf("audit: create the tables: %w", err)
	}
	return nil
}

// Schema returns the statements that make the tables and triggers.
func (s *Store) Schema() []string { return append([]string(nil), s.dialect.schema...) }

func (s *Store) created(ctx context.Context) bool {
	var size int
	err := s.db.QueryRowContext(ctx, "SELECT 1 FROM audit_checkpoints WHERE size < 0").Scan(&size)
	return errors.Is(err, sql.ErrNoRows)
}

// A row is one event as it is stored.
type row struct {
	number int64
	hash   tlog.Hash
	event  []byte
}

// append adds rows to a log, all or none.
func (s *Store) append(ctx context.Context, origin string, rows []row, keys []principalKey) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for _, key := range keys {
		if _, err := tx.ExecContext(ctx, "INSERT INTO audit_principals (principal, secret) VALUES ($1, $2)", key.principal, key.secret); err != nil {
			return err
		}
	}
	insert, err := tx.PrepareContext(ctx, "INSERT INTO audit_events (log, number, hash, event) VALUES ($1, $2, $3, $4)")
	if err != nil {
		return err
	}
	defer func() { _ = insert.Close() }()
	for _, row := range rows {
		if _, err := insert.ExecContext(ctx, origin, row.number, row.hash[:], string(row.event)); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// seal keeps a checkpoint, with the frontier of the tree that it is of.
func (s *Store) seal(ctx context.Context, origin string, tree frontier, signed []byte) error {
	roots := make([]byte, 0, len(tree.roots)*tlog.HashSize)
	for _, root := range tree.roots {
		roots = append(roots, root[:]...)
	}
	_, err := s.db.ExecContext(ctx, "INSERT INTO audit_checkpoints (log, size, signed, frontier) VALUES ($1, $2, $3, $4)",
		origin, tree.size, string(signed), roots)
	return err
}

// rows returns the events of a log from the given number on, in their order, up to but
// not including the number until; a negative one is no limit.
func (s *Store) rows(ctx context.Context, origin string, from, until int64) iter.Seq2[row, error] {
	if until < 0 {
		until = 1<<63 - 1
	}
	return query(ctx, s.db, func(rows *sql.Rows) (row, error) {
		var found row
		var hash []byte
		err := rows.Scan(&found.number, &hash, &found.event)
		copy(found.hash[:], hash)
		if err == nil && len(hash) != tlog.HashSize {
			found.hash = tlog.Hash{} // no event has it
		}
		return found, err
	}, "SELECT number, hash, event FROM audit_events WHERE log = $1 AND number >= $2 AND number < $3 ORDER BY number", origin, from, until)
}

// row returns one event of a log, or none, without bytes, where it has no such number.
func (s *Store) row(ctx context.Context, origin string, number int64) (row, error) {
	for found, err := range s.rows(ctx, origin, number, number+1) {
		return found, err
	}
	return row{}, nil
}

// named returns the logs that the first event of a log names. What is unreadable names
// none, and [Verify] finds it.
func (s *Store) named(ctx context.Context, origin string) ([]Link, error) {
	found, err := s.row(ctx, origin, 0)
	first, _ := decodeEntry(found.event)
	return first.Logs, err
}

// hashes returns the hashes alone, which is far less to read.
func (s *Store) hashes(ctx context.Context, origin string, from, until int64) iter.Seq2[tlog.Hash, error] {
	return query(ctx, s.db, func(rows *sql.Rows) (tlog.Hash, error) {
		var hash []byte
		if err := rows.Scan(&hash); err != nil {
			return tlog.Hash{}, err
		}
		if len(hash) != tlog.HashSize {
			return tlog.Hash{}, fmt.Errorf("a hash of %d bytes, want %d", len(hash), tlog.HashSize)
		}
		return tlog.Hash(hash), nil
	}, "SELECT hash FROM audit_events WHERE log = $1 AND number >= $2 AND number < $3 ORDER BY number", origin, from, until)
}

// sealed returns the signed checkpoints of a log in the order of their sizes.
func (s *Store) sealed(ctx context.Context, origin string) iter.Seq2[[]byte, error] {
	return query(ctx, s.db, func(rows *sql.Rows) ([]byte, error) {
		var signed []byte
		err := rows.Scan(&signed)
		return signed, err
	}, "SELECT signed FROM audit_checkpoints WHERE log = $1 ORDER BY size, signed", origin)
}

// origins returns the names of all logs that have an event or a checkpoint, in their
// order.
func (s *Store) origins(ctx context.Context) ([]string, error) {
	var all []string
	for _, table := range []string{"audit_events", "audit_checkpoints"} {
		for last := ""; ; {
			var next sql.NullString
			err := s.db.QueryRowContext(ctx, "SELECT min(log) FROM "+table+" WHERE log > $1", last).Scan(&next)
			if err != nil {
				return nil, fmt.Errorf("audit: read the database: %w", err)
			}
			if !next.Valid {
				break
			}
			last = next.String
			all = append(all, last)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// lastSeal returns the tree of the largest checkpoint of a log, as the store has it.
func (s *Store) lastSeal(ctx context.Context, origin string) (frontier, error) {
	var tree frontier
	var roots []byte
	err := s.db.QueryRowContext(ctx, "SELECT size, frontier FROM audit_checkpoints WHERE log = $1 ORDER BY size DESC LIMIT 1", origin).Scan(&tree.size, &roots)
	if errors.Is(err, sql.ErrNoRows) {
		return frontier{}, nil
	}
	if err != nil {
		return frontier{}, err
	}
	if tree.size < 0 || len(roots) != bits.OnesCount64(uint64(tree.size))*tlog.HashSize {
		return frontier{}, fmt.Errorf("the checkpoint of %s at %d is damaged", origin, tree.size)
	}
	for len(roots) > 0 {
		tree.roots = append(tree.roots, tlog.Hash(roots[:tlog.HashSize]))
		roots = roots[tlog.HashSize:]
	}
	return tree, nil
}

// size returns how many events a log has, if none is missing.
func (s *Store) size(ctx context.Context, origin string) (int64, error) {
	var size int64
	err := s.db.QueryRowContext(ctx, "SELECT coalesce(max(number), -1) + 1 FROM audit_events WHERE log = $1", origin).Scan(&size)
	return size, err
}

// query returns what a statement selects, row by row. The sequence ends after an error.
func query[T any](ctx context.Context, db *sql.DB, scan func(*sql.Rows) (T, error), statement string, args ...any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		rows, err := db.QueryContext(ctx, statement, args...)
		if err != nil {
			yield(none, fmt.Errorf("audit: read the database: %w", err))
			return
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			found, err := scan(rows)
			if err != nil {
				yield(none, fmt.Errorf("audit: read the database: %w", err))
				return
			}
			if !yield(found, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(none, fmt.Errorf("audit: read the database: %w", err))
		}
	}
}
