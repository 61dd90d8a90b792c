package directory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/sallyport-rpc/sallyport/authn/apikey"
	"github.com/sallyport-rpc/sallyport/filter/sqlfilter"
)

// sqliteDialect is that of a file, and of [Memory].
var sqliteDialect = dialect{
	filter:    sqlfilter.SQLite,
	keys:      apikey.SQLite,
	oneWriter: true,
	byEmail:   "email = ?", // the column has a collation without case
	room:      sqliteRoom,
	translate: translateSQLite,
	dangles:   func(err error) bool { return sqliteCode(err) == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY },
	again:     func(error) bool { return false }, // the driver tries again
}

// sqliteRoom fails where nine tenths of the size limit of a file are in use.
func sqliteRoom(ctx context.Context, db *sql.DB, limit int64) error {
	var used, size int64
	err := db.QueryRowContext(ctx, `SELECT page_count - freelist_count, page_size
		FROM pragma_page_count, pragma_freelist_count, pragma_page_size`).Scan(&used, &size)
	if err == nil && used*size > limit/10*9 {
		err = errNearlyFull
	}
	return err
}

// What can be wrong with a file before SQLite reads it.
var (
	errLeftover   = errors.New("log without its database")
	errNotAFile   = errors.New("not a file")
	errBlank      = errors.New("empty database")
	errNoDatabase = errors.New("not a database")
	errNearlyFull = errors.New("database is nearly full")
)

// translateSQLite translates what a statement failed with.
func translateSQLite(path string, err error) error {
	switch code := sqliteCode(err); {
	case code == sqlite3.SQLITE_CONSTRAINT_UNIQUE:
		return ErrEmailTaken
	case code == sqlite3.SQLITE_CONSTRAINT_TRIGGER:
		return ErrLastAdmin
	case code&0xff != sqlite3.SQLITE_CONSTRAINT && code != 0, errors.Is(err, errNearlyFull):
		return explainSQLite(path, err)
	}
	return err
}

// explainSQLite says in one line what is wrong with a file and how to fix it.
func explainSQLite(path string, err error) error {
	const elsewhere = "choose another file"
	var kind error
	problem, fix := "cannot be used ("+oneLine(err)+")", elsewhere
	switch code := sqliteCode(err) & 0xff; {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		problem, fix = "was not opened in time", "try again"
	case errors.Is(err, fs.ErrInvalid):
		problem, fix = "has no name", "name a file, or "+Memory
	case errors.Is(err, fs.ErrNotExist):
		problem, fix = "is in a folder that does not exist", "create the folder, or "+elsewhere
	case errors.Is(err, errMissing):
		problem = "does not exist"
	case errors.Is(err, errNotAFile):
		problem = "is not a file"
	case errors.Is(err, errLeftover):
		problem, fix = "is missing, but its -wal or -journal file is there", "put the database back, or delete that file to start anew"
	case errors.Is(err, errBlank):
		problem, fix = "is empty, as a copy without its -wal file can be",
			"copy the -wal file too, restore a backup, or delete the file to start anew"
	case errors.Is(err, errForeign):
		problem = "is the database of another program"
	case errors.Is(err, errNewer):
		problem, fix = "was written by a newer version of this program", "run that version, or "+elsewhere
	case errors.Is(err, errNearlyFull):
		kind, problem, fix = ErrFull, "has nearly reached its size limit", "delete accounts, or "+elsewhere
	case errors.Is(err, errNoDatabase), errors.Is(err, ErrDamaged), code == sqlite3.SQLITE_NOTADB, code == sqlite3.SQLITE_CORRUPT:
		kind, problem, fix = ErrDamaged, "is not a SQLite database, or is damaged", "restore a backup, or "+elsewhere
	case code == sqlite3.SQLITE_BUSY, code == sqlite3.SQLITE_LOCKED:
		kind, problem, fix = ErrBusy, "is locked by another process", "stop that process, or "+elsewhere
	case code == sqlite3.SQLITE_READONLY, errors.Is(err, fs.ErrPermission):
		problem, fix = "cannot be written", "make the file and its folder writable, or "+elsewhere
	case code == sqlite3.SQLITE_FULL:
		kind, problem, fix = ErrFull, "is on a full disk or has reached its size limit", "free disk space, or delete accounts"
	}
	return &databaseError{text: fmt.Sprintf("user directory %q %s: %s", path, problem, fix), kind: kind, cause: err}
}

// sqliteCode returns the extended result code of a SQLite error, or 0 for another error.
func sqliteCode(err error) int {
	if failure, ok := errors.AsType[*sqlite.Error](err); ok {
		return failure.Code()
	}
	return 0
}
