package directory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Memory is the path of a directory that lives in memory, and no longer than it is
// open.
const Memory = ":memory:"

// patience is how long a statement waits for another process's lock.
const patience = 5 * time.Second

// connections bounds what a crowd of calls can open. Opening one costs more than
// most statements, so they stay open.
const connections = 16

// A Directory holds users, their sessions and their keys. Make one with [Open]. It is safe for
// concurrent use.
type Directory struct {
	db   *sql.DB
	turn chan struct{} // held by who makes a change
	feed feed
}

// DefaultPath returns the path of the demo's database in the user's cache folder,
// and makes the folder it lies in, for this user alone, if it is missing.
func DefaultPath() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no folder for the user directory: %w: name a file", err)
	}
	folder := filepath.Join(cache, "sallyport")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("no folder for the user directory: %w: name a file elsewhere", err)
	}
	return filepath.Join(folder, "demo.db"), nil
}

// Open opens the directory in the SQLite file at path, or in [Memory]. It makes a
// file that is missing, readable for this user alone, but not its folder.
//
// A file that it cannot use it leaves as it is. The error is one line that says what
// is wrong with which file, and what to do about it.
func Open(ctx context.Context, path string) (*Directory, error) {
	return open(ctx, path, patience)
}

func open(ctx context.Context, path string, patience time.Duration) (*Directory, error) {
	parameters := url.Values{
		"_txlock": {"immediate"},
		"_pragma": {
			"busy_timeout(" + strconv.FormatInt(patience.Milliseconds(), 10) + ")",
			"foreign_keys(ON)",
			"synchronous(FULL)",
		},
	}
	name := path
	if path != Memory {
		absolute, err := create(path)
		if err != nil {
			return nil, explain(path, err)
		}
		// SQLite must not make what create did not: its files are for everyone to read.
		parameters.Set("mode", "rw")
		name = (&url.URL{Path: absolute}).EscapedPath()
	}
	db, err := sql.Open("sqlite", "file:"+name+"?"+parameters.Encode())
	if err != nil {
		return nil, explain(path, err)
	}
	connections := connections
	if path == Memory {
		// Each connection would have a memory of its own.
		connections = 1
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	if err := prepare(ctx, db); err != nil {
		_ = db.Close() // What is wrong is known already.
		return nil, explain(path, err)
	}
	return &Directory{db: db, turn: make(chan struct{}, 1)}, nil
}

// Close closes the directory. What it holds in [Memory] is gone.
func (d *Directory) Close() error { return d.db.Close() }

// create makes an empty file if there is none, and returns its absolute path. A file
// that is there it does not open, because closing it again would drop the locks that
// this process may hold on it through another Directory.
func create(path string) (string, error) {
	if path == "" {
		return "", fs.ErrInvalid
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	file, err := os.OpenFile(absolute, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		info, err := os.Stat(absolute)
		switch {
		case err != nil:
			return "", err
		case !info.Mode().IsRegular():
			return "", errNotAFile
		case info.Size() > 0 && info.Size() < leastPage:
			return "", errNoDatabase
		}
		return absolute, nil
	}
	if err != nil {
		return "", err
	}
	return absolute, file.Close()
}

// leastPage is the smallest page of a database, in bytes. SQLite takes a file of a
// single byte for an empty one and would write over it.
const leastPage = 512

// Conditions that a path can be found in.
var (
	errNotAFile   = errors.New("not a file")
	errNoDatabase = errors.New("no database")
)

// explain says in one line what is wrong with a file, and how to mend it.
func explain(path string, err error) error {
	const elsewhere = "choose another file"
	problem, mend := "cannot be opened ("+strings.ReplaceAll(err.Error(), "\n", " ")+")", elsewhere
	switch code := sqliteCode(err) & 0xff; {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		problem, mend = "was not opened in time", "try again"
	case errors.Is(err, fs.ErrInvalid):
		problem, mend = "has no name", "name a file, or "+Memory
	case errors.Is(err, fs.ErrNotExist):
		problem, mend = "is in a folder that does not exist", "make the folder, or "+elsewhere
	case errors.Is(err, errNotAFile):
		problem = "is not a file"
	case errors.Is(err, errForeign):
		problem = "is the database of another program"
	case errors.Is(err, errNewer):
		problem, mend = "was written by a newer version of this program", "run that version, or "+elsewhere
	case errors.Is(err, errNoDatabase), code == sqlite3.SQLITE_NOTADB, code == sqlite3.SQLITE_CORRUPT:
		problem = "is no SQLite database, or a damaged one"
	case code == sqlite3.SQLITE_BUSY, code == sqlite3.SQLITE_LOCKED:
		problem, mend = "is locked by another process", "stop that process, or "+elsewhere
	case code == sqlite3.SQLITE_READONLY, errors.Is(err, fs.ErrPermission):
		problem, mend = "cannot be written", "make the file and its folder writable, or "+elsewhere
	case code == sqlite3.SQLITE_FULL:
		problem, mend = "is on a full disk", "make room, or "+elsewhere
	}
	return &openError{text: fmt.Sprintf("user directory %q %s: %s", path, problem, mend), cause: err}
}

// openError keeps its cause for programs and its text for people.
type openError struct {
	text  string
	cause error
}

func (e *openError) Error() string { return e.text }

func (e *openError) Unwrap() error { return e.cause }

// sqliteCode returns the extended result code of a SQLite error, or 0 for another.
func sqliteCode(err error) int {
	if failure, ok := errors.AsType[*sqlite.Error](err); ok {
		return failure.Code()
	}
	return 0
}
