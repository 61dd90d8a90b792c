package directory

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// errSilent says that PostgreSQL did not answer in time.
var errSilent = errors.New("it does not answer")

// A connector gives connections to PostgreSQL that take statements with the arguments of
// SQLite, and that wait for an answer no longer than the patience, also where the caller's
// context has no end.
type connector struct {
	driver.Connector

	patience time.Duration
}

// Connect implements [driver.Connector].
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	limited, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	made, err := c.Connector.Connect(limited)
	if err != nil {
		return nil, reason(ctx, limited, err)
	}
	under, ok := made.(*stdlib.Conn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("a connection of type %T", made), made.Close())
	}
	return &connection{under, c.patience}, nil
}

// A connection is one to PostgreSQL.
type connection struct {
	*stdlib.Conn

	patience time.Duration
}

var (
	_ driver.ExecerContext     = (*connection)(nil)
	_ driver.QueryerContext    = (*connection)(nil)
	_ driver.ConnBeginTx       = (*connection)(nil)
	_ driver.NamedValueChecker = (*connection)(nil)
)

// ExecContext implements [driver.ExecerContext].
func (c *connection) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	limited, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	result, err := c.Conn.ExecContext(limited, numbered(query), args)
	return result, reason(ctx, limited, err)
}

// QueryContext implements [driver.QueryerContext].
func (c *connection) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	limited, cancel := context.WithTimeout(ctx, c.patience)
	found, err := c.Conn.QueryContext(limited, numbered(query), args)
	if err != nil {
		err = reason(ctx, limited, err)
		cancel()
		return nil, err
	}
	return &limitedRows{found, ctx, limited, cancel}, nil
}

// limitedRows are what was found, while there is time to read it.
type limitedRows struct {
	driver.Rows

	ctx, limited context.Context //nolint:containedctx // the rows are read while they last
	cancel       context.CancelFunc
}

// Next implements [driver.Rows].
func (r *limitedRows) Next(into []driver.Value) error {
	err := r.Rows.Next(into)
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return reason(r.ctx, r.limited, err)
}

// Close implements [driver.Rows].
func (r *limitedRows) Close() error {
	defer r.cancel()
	return r.Rows.Close()
}

// BeginTx implements [driver.ConnBeginTx].
func (c *connection) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	asked := pgx.TxOptions{IsoLevel: pgx.ReadCommitted}
	if options.ReadOnly {
		asked.AccessMode = pgx.ReadOnly
	}
	switch sql.IsolationLevel(options.Isolation) {
	case sql.LevelDefault:
	case sql.LevelRepeatableRead:
		asked.IsoLevel = pgx.RepeatableRead
	default:
		return nil, fmt.Errorf("isolation %s is not known", sql.IsolationLevel(options.Isolation))
	}
	limited, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	begun, err := c.Conn.Conn().BeginTx(limited, asked)
	if err != nil {
		return nil, reason(ctx, limited, err)
	}
	return &transaction{ctx, begun, c.patience}, nil
}

// A transaction ends within the patience.
type transaction struct {
	ctx      context.Context //nolint:containedctx // database/sql begins with it, and ends without one
	begun    pgx.Tx
	patience time.Duration
}

// Commit implements [driver.Tx].
func (t *transaction) Commit() error { return t.end(t.ctx, t.begun.Commit) }

// Rollback implements [driver.Tx]. The caller may have left.
func (t *transaction) Rollback() error { return t.end(context.WithoutCancel(t.ctx), t.begun.Rollback) }

func (t *transaction) end(ctx context.Context, end func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, t.patience)
	defer cancel()
	return reason(ctx, limited, end(limited))
}

// reason returns why something failed: what the server says, that the caller left, or that
// the server did not answer in time.
func reason(ctx, limited context.Context, err error) error {
	var answer *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &answer):
		return err
	case limited.Err() != nil:
		return errSilent
	}
	return err
}

// numbered writes the arguments of a statement as PostgreSQL does. As in SQLite, ? has the
// number after the highest before it. The statements of this package have a ? in no text.
func numbered(query string) string {
	var written strings.Builder
	highest := 0
	for i := range len(query) {
		switch query[i] {
		case '?':
			highest++
			written.WriteString("$" + strconv.Itoa(highest))
			continue
		case '$':
			digits := i + 1
			for digits < len(query) && '0' <= query[digits] && query[digits] <= '9' {
				digits++
			}
			if number, err := strconv.Atoi(query[i+1 : digits]); err == nil {
				highest = max(highest, number)
			}
		}
		written.WriteByte(query[i])
	}
	return written.String()
}
