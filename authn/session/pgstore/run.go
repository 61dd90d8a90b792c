package pgstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sallyport-rpc/sallyport/authn/internal/detached"
)

// run runs a query on a connection of the pool, and returns what it found or, as soon
// as ctx ends, ctx's error. The query then goes on by itself and gives its connection
// back to the pool when it is done.
func run[T any](ctx context.Context, pool *pgxpool.Pool, query func(context.Context, *pgxpool.Conn) (T, error)) (T, error) {
	conn, err := acquire(ctx, pool)
	if err != nil {
		var none T
		return none, err
	}
	return detached.Run(ctx, queryTimeout, func(ctx context.Context) (T, error) {
		defer conn.Release()
		return query(ctx, conn)
	})
}

// acquire takes a connection out of the pool, and waits for one no longer than a query
// may take.
func acquire(ctx context.Context, pool *pgxpool.Pool) (*pgxpool.Conn, error) {
	limited, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	conn, err := pool.Acquire(limited)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return conn, err
}

// closeTimeout is how long Close waits for connections that are in use.
const closeTimeout = 2 * time.Second

// Close closes a pool, and waits for its connections no longer than two seconds: those
// to a server that has fallen silent would make [pgxpool.Pool.Close] wait for fifteen.
// Where they take longer, they are closed in the background.
func Close(pool *pgxpool.Pool) {
	closed := make(chan struct{})
	go func() {
		pool.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(closeTimeout):
	}
}
