package pgbus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sallyport-rpc/sallyport/authn/revocation"
	"github.com/sallyport-rpc/sallyport/internal/option"
)

// A Link is a [revocation.Link] by LISTEN and NOTIFY. Make one with [New]. It is safe
// for concurrent use and starts no goroutines.
type Link struct {
	pool *pgxpool.Pool
	settings
}

var _ revocation.Link = (*Link)(nil)

// connectTimeout bounds how long it takes to begin to listen.
const connectTimeout = 10 * time.Second

// New returns a link on the connections of a pool, which the caller closes after the
// bus. The error names everything that is wrong with the arguments.
func New(pool *pgxpool.Pool, options ...Option) (*Link, error) {
	chosen := defaults
	err := option.Apply("pgbus", &chosen, options)
	if pool == nil {
		err = errors.Join(errors.New("pgbus: a pool is required"), err)
	}
	if err != nil {
		return nil, err
	}
	return &Link{pool, chosen}, nil
}

// Publish notifies the channel. It commits at once.
func (l *Link) Publish(ctx context.Context, revoked revocation.Revocation) error {
	text, err := revoked.MarshalText()
	if err != nil {
		return err
	}
	_, err = l.pool.Exec(ctx, "SELECT pg_notify($1, $2)", l.channel, string(text))
	return err
}

// Subscribe listens on the channel, with a connection that it takes out of the pool
// and closes when it returns.
func (l *Link) Subscribe(ctx context.Context, receive func(revocation.Revocation)) error {
	conn, err := l.listen(ctx)
	if err != nil {
		return err
	}
	defer hangUp(ctx, conn)
	receive(revocation.OfEverything())
	for {
		text, err := l.wait(ctx, conn)
		if err != nil {
			return err
		}
		if text != "" {
			receive(revocation.Parse([]byte(text)))
		}
	}
}

// listen returns a connection that listens.
func (l *Link) listen(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	pooled, err := l.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	conn := pooled.Hijack()
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{l.channel}.Sanitize()); err != nil {
		hangUp(ctx, conn)
		return nil, err
	}
	return conn, nil
}

// wait returns the text of the next notification, or "" if there was none for a while
// and the server is still there.
func (l *Link) wait(ctx context.Context, conn *pgx.Conn) (string, error) {
	silence, cancel := context.WithTimeout(ctx, l.heartbeat)
	defer cancel()
	notification, err := conn.WaitForNotification(silence)
	switch {
	case notification != nil:
		return notification.Payload, nil
	case ctx.Err() != nil || silence.Err() == nil:
		return "", err
	}
	answer, cancel := context.WithTimeout(ctx, l.heartbeat)
	defer cancel()
	if err := conn.Ping(answer); err != nil { // pgx keeps the notifications that come meanwhile
		return "", fmt.Errorf("pgbus: the server does not answer: %w", err)
	}
	return "", nil
}

// hangUp closes a connection that may be broken. It gives the server a second to
// answer.
func hangUp(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}
