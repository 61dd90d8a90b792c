package pgstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// queryTimeout is how long a query may take.
	queryTimeout = 5 * time.Second
	// sweep is how many expired entries a new one removes at most, so that no call waits
	// long. More than one, so that it catches up.
	sweep = 100
)

// A Store keeps the entries of package session in a table. Make one with [New]. It is
// safe for concurrent use.
type Store struct{ pool *pgxpool.Pool }

var _ scs.CtxStore = (*Store)(nil)

// New returns a store on a pool, which must not be nil. The table is found by the
// search_path of the pool's connections. The caller closes the pool; see [Close].
func New(pool *pgxpool.Pool) (*Store, error) {
	if pool == nil {
		return nil, errors.New("pgstore: a pool is required")
	}
	return &Store{pool}, nil
}

// Migrate creates what is missing of the [Schema]. Several processes may do it at once.
func (s *Store) Migrate(ctx context.Context) error {
	if _, err := s.pool.Exec(ctx, Schema); err != nil {
		return fmt.Errorf("pgstore: migrate: %w", err)
	}
	return nil
}

// FindCtx returns the data of an entry, unless it has expired.
func (s *Store) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	// The query may outlive the call: what it writes to is not returned then.
	type entry struct {
		data  []byte
		found bool
	}
	found, err := run(ctx, s.pool, func(ctx context.Context, conn *pgxpool.Conn) (entry, error) {
		var data []byte
		err := conn.QueryRow(ctx, `SELECT data FROM sallyport_sessions
			WHERE token = $1 AND expire_time > current_timestamp`, token).Scan(&data)
		if errors.Is(err, pgx.ErrNoRows) {
			return entry{}, nil
		}
		return entry{data, err == nil}, err
	})
	return found.data, found.found, err
}

// CommitCtx adds an entry or overwrites it.
func (s *Store) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	if data == nil {
		data = []byte{} // nil is NULL
	}
	_, err := run(ctx, s.pool, func(ctx context.Context, conn *pgxpool.Conn) (struct{}, error) {
		// Rows that another process removes at this moment are left to it.
		_, err := conn.Exec(ctx, `
			WITH expired AS (
				SELECT token FROM sallyport_sessions
				WHERE expire_time <= current_timestamp AND token <> $1
				LIMIT $4 FOR UPDATE SKIP LOCKED
			), swept AS (
				DELETE FROM sallyport_sessions USING expired WHERE sallyport_sessions.token = expired.token
			)
			INSERT INTO sallyport_sessions (token, data, expire_time) VALUES ($1, $2, $3)
			ON CONFLICT (token) DO UPDATE SET data = EXCLUDED.data, expire_time = EXCLUDED.expire_time`,
			token, data, expiry, sweep)
		return struct{}{}, err
	})
	return err
}

// DeleteCtx removes an entry, if there is one.
func (s *Store) DeleteCtx(ctx context.Context, token string) error {
	_, err := run(ctx, s.pool, func(ctx context.Context, conn *pgxpool.Conn) (struct{}, error) {
		_, err := conn.Exec(ctx, `DELETE FROM sallyport_sessions WHERE token = $1`, token)
		return struct{}{}, err
	})
	return err
}

// Find is FindCtx for callers without a context.
func (s *Store) Find(token string) ([]byte, bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), queryTimeout)
	defer cancel()
	return s.FindCtx(ctx, token)
}

// Commit is CommitCtx for callers without a context.
func (s *Store) Commit(token string, data []byte, expiry time.Time) error {
	ctx, cancel := context.WithTimeout(context.Background(), queryTimeout)
	defer cancel()
	return s.CommitCtx(ctx, token, data, expiry)
}

// Delete is DeleteCtx for callers without a context.
func (s *Store) Delete(token string) error {
	ctx, cancel := context.WithTimeout(context.Background(), queryTimeout)
	defer cancel()
	return s.DeleteCtx(ctx, token)
}
