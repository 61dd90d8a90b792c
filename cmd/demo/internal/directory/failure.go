package directory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Errors of a [Directory]. Test for them with [errors.Is].
var (
	// ErrNotFound: there is no such user, or no such document.
	ErrNotFound = errors.New("no such user or document")
	// ErrEmailTaken: another user has the email.
	ErrEmailTaken = errors.New("email belongs to another user")
	// ErrLastAdmin: no administrator would be left.
	ErrLastAdmin = errors.New("the last administrator must remain one")
	// ErrBusy: another process held the lock on the database for too long.
	ErrBusy = errors.New("database is locked")
	// ErrFull: the disk is full, or the database has reached its size limit.
	ErrFull = errors.New("database is full")
	// ErrDamaged: the file is damaged, or is not a database.
	ErrDamaged = errors.New("database is damaged")
)

// What can be wrong with a file before SQLite reads it.
var (
	errMissing    = errors.New("no such file")
	errLeftover   = errors.New("log without its database")
	errNotAFile   = errors.New("not a file")
	errBlank      = errors.New("empty database")
	errNoDatabase = errors.New("not a database")
	errNearlyFull = errors.New("database is nearly full")
)

// because says what failed, and translates the errors of SQLite and of the schema into
// those of this package.
func (d *Directory) because(doing string, err error) error {
	switch code := sqliteCode(err); {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		err = ErrNotFound
	case code == sqlite3.SQLITE_CONSTRAINT_UNIQUE:
		err = ErrEmailTaken
	case code == sqlite3.SQLITE_CONSTRAINT_TRIGGER:
		err = ErrLastAdmin
	case code&0xff != sqlite3.SQLITE_CONSTRAINT && code != 0, errors.Is(err, errNearlyFull):
		err = explain(d.path, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// explain says in one line what is wrong with a file and how to fix it.
func explain(path string, err error) error {
	const elsewhere = "choose another file"
	var kind error
	problem, fix := "cannot be used ("+strings.ReplaceAll(err.Error(), "\n", " ")+")", elsewhere
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
	return &fileError{text: fmt.Sprintf("user directory %q %s: %s", path, problem, fix), kind: kind, cause: err}
}

// A fileError keeps its cause for programs and its text for people.
type fileError struct {
	text  string
	kind  error // nil, or one of this package's
	cause error
}

func (e *fileError) Error() string { return e.text }

func (e *fileError) Unwrap() []error {
	if e.kind == nil {
		return []error{e.cause}
	}
	return []error{e.kind, e.cause}
}

// sqliteCode returns the extended result code of a SQLite error, or 0 for another error.
func sqliteCode(err error) int {
	if failure, ok := errors.AsType[*sqlite.Error](err); ok {
		return failure.Code()
	}
	return 0
}
