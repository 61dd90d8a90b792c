package directory

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/sallyport-rpc/sallyport/authn/apikey"
	"github.com/sallyport-rpc/sallyport/filter/sqlfilter"
)

// postgresSchema is the schema of the directory, unless its URL has another search_path.
const postgresSchema = "sallyport_demo"

// lastWord is how long a connection may still be answered once its statement has no more
// time, or its caller has left. A statement that ends by then costs no connection.
const lastWord = time.Second

// postgresDialect is that of a PostgreSQL server.
var postgresDialect = dialect{
	filter:     sqlfilter.PostgreSQL,
	keys:       apikey.PostgreSQL,
	byEmail:    `lower(email COLLATE "C") = lower(?::text COLLATE "C")`,
	skipLocked: " FOR UPDATE SKIP LOCKED",
	room:       func(context.Context, *sql.DB, int64) error { return nil }, // its administrator says
	translate:  translatePostgres,
	dangles:    func(err error) bool { return postgresCode(err) == "23503" },
	again:      func(err error) bool { return postgresCode(err) == "40001" || postgresCode(err) == "40P01" },
}

// OpenPostgres opens the directory in the PostgreSQL database at a URL, in the schema
// sallyport_demo, or in the one that the URL's search_path names. It creates what is
// missing: the schema, its tables and the first users, in one transaction. Several
// processes may do it at once, and may share the directory.
//
// The server must be a primary. A pooler between must be in session mode.
//
// The error is one line that says what is wrong with which database, and what to do about
// it, without a password.
func OpenPostgres(ctx context.Context, address *url.URL, config Config) (*Directory, error) {
	name := (&url.URL{Scheme: address.Scheme, Host: address.Host, Path: address.Path}).String()
	d, err := openPostgres(ctx, name, address.String(), config.withDefaults())
	if err != nil {
		return nil, explainPostgres(name, err)
	}
	return d, nil
}

func openPostgres(ctx context.Context, name, address string, config Config) (*Directory, error) {
	settings, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, errParameters
	}
	schema := settings.ConnConfig.RuntimeParams["search_path"]
	if schema == "" {
		schema = postgresSchema
	}
	settings.ConnConfig.ConnectTimeout = config.Patience
	settings.ConnConfig.RuntimeParams["search_path"] = pgx.Identifier{schema}.Sanitize()
	settings.ConnConfig.RuntimeParams["statement_timeout"] = strconv.FormatInt(max(config.Patience.Milliseconds(), 1), 10)
	settings.ConnConfig.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.DeadlineContextWatcherHandler{Conn: conn.Conn(), DeadlineDelay: lastWord}
	}
	settings.MaxConns = connections
	pool, err := pgxpool.NewWithConfig(ctx, settings)
	if err != nil {
		return nil, err
	}
	d := &Directory{dialect: postgresDialect, pool: pool, name: name, patience: config.Patience, turn: make(chan struct{}, 1)}
	d.db = sql.OpenDB(connector{stdlib.GetPoolConnector(pool), config.Patience})
	// The pool limits and keeps the connections. A limit here would open them again one after
	// the other, for callers who have left, once a server has fallen silent.
	d.db.SetMaxIdleConns(0)
	if d.created, err = preparePostgres(ctx, d.db, schema, config); err != nil {
		_ = d.Close() // the first error says what is wrong
		return nil, err
	}
	return d, nil
}

// What can be wrong with a server or its URL.
var (
	errEncoding   = errors.New("encoding other than UTF-8")
	errParameters = errors.New("unknown parameters") // in place of an error that may repeat a password
)

// translatePostgres translates what a statement failed with.
func translatePostgres(name string, err error) error {
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &refused):
		switch {
		case refused.Code == "23505" && refused.ConstraintName == "users_by_email":
			return ErrEmailTaken
		case refused.Code == "SA001":
			return ErrLastAdmin
		case refused.Code == "22021":
			return fmt.Errorf("%w: %w", ErrBadText, err)
		case refused.Code[:2] == "23", refused.Code[:2] == "22":
			return err // of the statement, not of the server
		}
		return explainPostgres(name, err)
	case isUnreachable(err):
		return explainPostgres(name, err)
	}
	return err
}

// isUnreachable reports whether an error is of the connection. Errors of a call's context
// are not.
func isUnreachable(err error) bool {
	if _, isConnect := errors.AsType[*pgconn.ConnectError](err); isConnect {
		return true // also where that took too long
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	_, isNet := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return isNet || errors.Is(err, errSilent) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.Is(err, driver.ErrBadConn) || err.Error() == "conn closed"
}

// explainPostgres says in one line what is wrong with a database and how to fix it.
func explainPostgres(name string, err error) error {
	const elsewhere = "choose another -postgres"
	var kind error
	problem, fix := "cannot be used ("+oneLine(err)+")", elsewhere
	code := postgresCode(err)
	class := code[:min(2, len(code))]
	switch {
	case (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) && !isUnreachable(err):
		problem, fix = "was not opened in time", "try again"
	case errors.Is(err, errParameters):
		problem, fix = "has unknown parameters in its URL", "correct them, or "+elsewhere
	case errors.Is(err, errEncoding):
		problem, fix = "does not keep texts in UTF-8", "create a database with ENCODING 'UTF8'"
	case errors.Is(err, errMissing):
		problem = "has no user directory"
	case errors.Is(err, errForeign):
		problem, fix = "has tables of another program in the schema", "name another schema with ?search_path=, or "+elsewhere
	case errors.Is(err, errNewer):
		problem, fix = "was written by a newer version of this program", "run that version, or "+elsewhere
	case class == "28":
		problem, fix = "refuses the user or the password", "correct them in -postgres"
	case code == "3D000":
		problem, fix = "does not exist", "create the database, or "+elsewhere
	case code == "42501":
		problem, fix = "does not let the user do this ("+oneLine(err)+")",
			"let the user create the schema and its tables, or make the schema the user's own"
	case code == "25006":
		problem, fix = "can only be read", "name the primary server"
	case code == "53100":
		kind, problem, fix = ErrFull, "is on a full disk", "free disk space on its server"
	case code == "57014", code == "55P03", class == "40":
		kind, problem, fix = ErrBusy, "is held up by another transaction, or is too slow", "end that transaction, or try again"
	case class == "08", class == "53", class == "57", code == "" && isUnreachable(err):
		kind, problem, fix = ErrUnreachable, "cannot be reached ("+oneLine(err)+")", "start that server, or "+elsewhere
	}
	return &databaseError{text: fmt.Sprintf("user directory %s %s: %s", name, problem, fix), kind: kind, cause: err}
}

// postgresCode returns the SQLSTATE of an error, or "" for another error.
func postgresCode(err error) string {
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		return refused.Code
	}
	return ""
}
