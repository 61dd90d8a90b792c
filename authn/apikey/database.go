package apikey

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sallyport-rpc/sallyport/authn/internal/detached"
)

// queryTimeout is how long a call waits for a connection, and a key's query may take.
const queryTimeout = 5 * time.Second

// A Database is a [Store] in a SQL database. Make one with [SQLite] or [PostgreSQL].
// It is safe for concurrent use, and several processes may share its database.
type Database struct {
	db     *sql.DB
	schema string
	// placeholder begins a numbered parameter.
	placeholder string
}

var _ Store = (*Database)(nil)

// SQLite returns a Store in a SQLite database, whichever the driver. The caller opens
// and closes db.
func SQLite(db *sql.DB) *Database {
	return &Database{db: db, schema: SQLiteSchema, placeholder: "?"}
}

// PostgreSQL returns a Store in a PostgreSQL database, whichever the driver. Its table
// is found by the search_path of db. The caller opens and closes db, which must reach
// a primary: a replica that lags behind still knows a key that was revoked. Give db as
// many idle connections as open ones ([sql.DB.SetMaxIdleConns]): to connect again takes
// far longer than to find a key.
func PostgreSQL(db *sql.DB) *Database {
	return &Database{db: db, schema: PostgreSQLSchema, placeholder: "$"}
}

// Migrate makes what is missing of the schema. Several processes may do it at once.
// Those who use a tool for that give it [SQLiteSchema] or [PostgreSQLSchema] instead.
func (d *Database) Migrate(ctx context.Context) error {
	if _, err := d.db.ExecContext(ctx, d.schema); err != nil {
		return fmt.Errorf("apikey: migrate: %w", err)
	}
	return nil
}

// query writes the parameters of a query as the database does.
func (d *Database) query(query string) string { return strings.ReplaceAll(query, "$", d.placeholder) }

// Add adds a key. It fails where the id is taken.
func (d *Database) Add(ctx context.Context, record Record) error {
	_, err := d.db.ExecContext(ctx, d.query(`INSERT INTO sallyport_api_keys
		(id, owner, name, scopes, unscoped, hash, create_time, expire_time, last_use_time) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`),
		record.ID, record.Owner, record.Name, strings.Join(record.Scopes, " "), record.Unscoped, record.Hash[:],
		record.CreatedAt.UnixMicro(), record.ExpiresAt.UnixMicro(),
		sql.Null[int64]{V: record.LastUsedAt.UnixMicro(), Valid: !record.LastUsedAt.IsZero()})
	return err
}

// Find returns the key with the id and whether there is one.
func (d *Database) Find(ctx context.Context, id string) (Record, bool, error) {
	record, err := d.find(ctx, id)
	if errors.Is(err, sql.ErrNoRows) {
		return Record{}, false, nil
	}
	return record, err == nil, err
}

// find is what strangers can call, by made-up keys. A caller who leaves does not cancel
// the query on PostgreSQL, whose drivers give up the connection then: the pool would be
// busy with connecting.
func (d *Database) find(ctx context.Context, id string) (Record, error) {
	query := d.query(columns + ` WHERE id = $1`)
	if d.schema != PostgreSQLSchema {
		return scan(d.db.QueryRowContext(ctx, query, id))
	}
	conn, err := d.acquire(ctx)
	if err != nil {
		return Record{}, err
	}
	return detached.Run(ctx, queryTimeout, func(ctx context.Context) (Record, error) {
		defer conn.Close()
		return scan(conn.QueryRowContext(ctx, query, id))
	})
}

// acquire takes a connection out of the pool, and waits for one no longer than a query
// may take.
func (d *Database) acquire(ctx context.Context) (*sql.Conn, error) {
	limited, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	conn, err := d.db.Conn(limited)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return conn, err
}

// List returns all keys of an owner, the oldest first.
func (d *Database) List(ctx context.Context, owner string) ([]Key, error) {
	rows, err := d.db.QueryContext(ctx, d.query(columns+` WHERE owner = $1 ORDER BY create_time, id`), owner)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var keys []Key
	for rows.Next() {
		record, err := scan(rows)
		if err != nil {
			return nil, err
		}
		keys = append(keys, record.Key)
	}
	return keys, rows.Err()
}

// Remove removes a key, if it is the owner's, and reports whether it did.
func (d *Database) Remove(ctx context.Context, owner, id string) (bool, error) {
	result, err := d.db.ExecContext(ctx, d.query(`DELETE FROM sallyport_api_keys WHERE owner = $1 AND id = $2`), owner, id)
	if err != nil {
		return false, err
	}
	removed, err := result.RowsAffected()
	return removed > 0, err
}

// RemoveAll removes every key of an owner.
func (d *Database) RemoveAll(ctx context.Context, owner string) error {
	_, err := d.db.ExecContext(ctx, d.query(`DELETE FROM sallyport_api_keys WHERE owner = $1`), owner)
	return err
}

// MarkUsed sets when a key was last used, if it is there and its last use was not
// after the given time.
func (d *Database) MarkUsed(ctx context.Context, id string, at, notAfter time.Time) error {
	_, err := d.db.ExecContext(ctx, d.query(`UPDATE sallyport_api_keys SET last_use_time = $2
		WHERE id = $1 AND (last_use_time IS NULL OR last_use_time <= $3)`), id, at.UnixMicro(), notAfter.UnixMicro())
	return err
}

const columns = `SELECT id, owner, name, scopes, unscoped, hash, create_time, expire_time, last_use_time FROM sallyport_api_keys`

// scan reads a row of columns.
func scan(row interface{ Scan(dest ...any) error }) (Record, error) {
	var (
		record           Record
		scopes           string
		hash             []byte
		created, expires int64
		used             sql.Null[int64]
	)
	if err := row.Scan(&record.ID, &record.Owner, &record.Name, &scopes, &record.Unscoped, &hash, &created, &expires, &used); err != nil {
		return Record{}, err
	}
	if len(hash) != len(record.Hash) {
		return Record{}, errUnreadable
	}
	copy(record.Hash[:], hash)
	record.Scopes = strings.Fields(scopes)
	record.CreatedAt, record.ExpiresAt = time.UnixMicro(created).UTC(), time.UnixMicro(expires).UTC()
	if used.Valid {
		record.LastUsedAt = time.UnixMicro(used.V).UTC()
	}
	return record, nil
}
