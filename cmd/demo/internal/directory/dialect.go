package directory

import (
	"context"
	"database/sql"

	"github.com/sallyport-rpc/sallyport/authn/apikey"
	"github.com/sallyport-rpc/sallyport/filter/sqlfilter"
)

// A dialect is what a database does in its own way. The statements are the same for all:
// they are written with the arguments of SQLite, and [connector] writes those of PostgreSQL.
type dialect struct {
	filter sqlfilter.Dialect
	keys   func(*sql.DB) *apikey.Database
	// oneWriter says that one transaction writes at a time, which waits for no row of another.
	oneWriter bool
	// byEmail is the condition that finds a user by an email.
	byEmail string
	// skipLocked ends a query for rows to remove, so that it leaves those of others.
	skipLocked string
	// room fails where there is no room for more than sessions.
	room func(ctx context.Context, db *sql.DB, limit int64) error
	// translate returns the error of this package for what a statement failed with, or an
	// error that says in one line what is wrong with a database, and how to fix it.
	translate func(name string, err error) error
	// dangles reports whether a row would have named a user who is not there.
	dangles func(error) bool
	// again reports whether a transaction failed because of another one, and nothing of it
	// was stored.
	again func(error) bool
}

// lock locks the row with an id in a transaction that writes, and with it what belongs to
// the row. A statement after it sees what others wrote to these before, which one that
// waited for a row itself does not where it asks for other tables too.
func (d *Directory) lock(ctx context.Context, tx *sql.Tx, table, id string) error {
	if d.dialect.oneWriter {
		return nil
	}
	//nolint:gosec // The name of the table is a constant.
	_, err := tx.ExecContext(ctx, "SELECT 1 FROM "+table+" WHERE id = ? FOR UPDATE", id)
	return err
}

// missing says that there is no such user, where a row would have named one.
func (d *Directory) missing(err error) error {
	if d.dialect.dangles(err) {
		return sql.ErrNoRows
	}
	return err
}
