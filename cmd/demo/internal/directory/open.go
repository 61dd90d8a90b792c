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
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	_ "modernc.org/sqlite" // the driver

	"github.com/sallyport-rpc/sallyport/authn/session/pgstore"
	"github.com/sallyport-rpc/sallyport/filter/sqlfilter"
)

// Memory is the path of a directory that is kept in memory and is gone once it is
// closed.
const Memory = ":memory:"

// Defaults of [Config].
const (
	defaultPatience = 5 * time.Second
	defaultMaxBytes = 1 << 30
)

// connections is how many connections a directory opens at most. They stay open, since
// opening one costs more than most statements.
const connections = 16

// A Config says how to open a directory. The zero Config is ready to use.
type Config struct {
	// Seed returns the users that a new directory begins with. It is called only where
	// Open creates the database, which holds these users from its first moment on. Nil
	// begins with no users.
	Seed func(context.Context) ([]User, error)
	// MustExist makes Open fail where it would create the database.
	MustExist bool
	// Patience is how long a statement waits for the lock of another process, and how long
	// PostgreSQL may take to answer one. By default it is 5 seconds. For the writes of this
	// process a write waits six times as long.
	Patience time.Duration
	// MaxBytes is how large a SQLite database may become. By default it is 1 GiB. Creating
	// users fails with [ErrFull] at nine tenths of it, so that those who have an account
	// can still sign in.
	MaxBytes int64
}

func (c Config) withDefaults() Config {
	if c.Patience == 0 {
		c.Patience = defaultPatience
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = defaultMaxBytes
	}
	return c
}

// A Directory keeps users, their sessions and their keys. Make one with [Open] or
// [OpenPostgres]. It is safe for concurrent use.
type Directory struct {
	db       *sql.DB
	dialect  dialect
	pool     *pgxpool.Pool // of PostgreSQL, or nil
	name     string        // what errors call the database
	created  bool
	maxBytes int64
	patience time.Duration
	turn     chan struct{} // see inTurn
	feed     feed
	mirror   Mirror // of the users that documents are shared with, or nil
}

// DefaultPath returns the path of the demo's database in the user's cache folder. It
// creates the folder of the database, for this user alone, if it is missing.
func DefaultPath() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no folder for the user directory: %w: name a file with -db", err)
	}
	folder := filepath.Join(cache, "sallyport")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("no folder for the user directory: %w: name a file elsewhere with -db", err)
	}
	return filepath.Join(folder, "demo.db"), nil
}

// Open opens the directory in the SQLite file at path, or in [Memory]. It creates a
// file that is missing, readable for this user alone, but not its folder.
//
// A file appears at path only once its schema and its first users are in it. So a file
// that is there and holds nothing was never made by Open, or has lost its data, and is
// refused: it is not taken for a new directory.
//
// A file that Open refuses stays as it is. The error is one line that says what is wrong
// with which file, and what to do about it.
func Open(ctx context.Context, path string, config Config) (*Directory, error) {
	directory, err := open(ctx, path, config.withDefaults())
	if err != nil {
		return nil, explainSQLite(path, err)
	}
	return directory, nil
}

func open(ctx context.Context, path string, config Config) (*Directory, error) {
	d := &Directory{dialect: sqliteDialect, name: path, maxBytes: config.MaxBytes, patience: config.Patience, turn: make(chan struct{}, 1)}
	if path == Memory {
		// Each connection would have a memory of its own.
		db, err := openDatabase(ctx, "file:"+Memory+"?"+parameters(config).Encode(), 1, func(db *sql.DB) error {
			return initialize(ctx, db, config.Seed)
		})
		d.db, d.created = db, true
		return d, err
	}
	absolute, err := find(path)
	if errors.Is(err, errMissing) && !config.MustExist {
		d.created, err = create(ctx, absolute, config)
	}
	if err != nil {
		return nil, err
	}
	d.db, err = openDatabase(ctx, dataSource(absolute, config), connections, func(db *sql.DB) error { return prepare(ctx, db) })
	return d, err
}

// Close closes the directory. What it holds in [Memory] is gone. It does not wait for a
// PostgreSQL that does not answer.
func (d *Directory) Close() error {
	err := d.db.Close()
	if d.pool != nil {
		pgstore.Close(d.pool)
	}
	return err
}

// Dialect returns the SQL that a [Where] is written in.
func (d *Directory) Dialect() sqlfilter.Dialect { return d.dialect.filter }

// Pool returns the connections to PostgreSQL, for what else uses that server, or nil where
// the directory is in SQLite. Closing the directory closes them.
func (d *Directory) Pool() *pgxpool.Pool { return d.pool }

// Ping reports whether the directory can be read. It returns an error that says why not.
func (d *Directory) Ping(ctx context.Context) error {
	_, err := isEmpty(ctx, d.db)
	return d.because("read the user directory", err)
}

// Created reports whether Open created the database.
func (d *Directory) Created() bool { return d.created }

// openDatabase opens a database with up to a number of connections and prepares it.
func openDatabase(ctx context.Context, source string, connections int, prepare func(*sql.DB) error) (*sql.DB, error) {
	db, err := sql.Open("sqlite", source)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	if err := prepare(db); err != nil {
		_ = db.Close() // the first error says what is wrong
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	return db, nil
}

// parameters are the settings that every connection has.
func parameters(config Config) url.Values {
	return url.Values{
		"_txlock": {"immediate"},
		"_pragma": {
			"busy_timeout(" + strconv.FormatInt(config.Patience.Milliseconds(), 10) + ")",
			"foreign_keys(ON)",
			"synchronous(FULL)",
			"max_page_count(" + strconv.FormatInt(max(config.MaxBytes/pageSize, 1), 10) + ")",
		},
	}
}

// pageSize is SQLite's default size of a page, in bytes. It stays with the file.
const pageSize = 4096

// dataSource names an existing file to the driver.
func dataSource(absolute string, config Config) string {
	values := parameters(config)
	values.Set("mode", "rw") // SQLite would create a missing file for everyone to read
	return "file:" + (&url.URL{Path: absolute}).EscapedPath() + "?" + values.Encode()
}

// find returns the absolute path of a file and what is wrong with it: errMissing where
// there is no file. It does not open a file that is there, because closing it again
// would drop the locks that this process may hold on it through another Directory.
func find(path string) (string, error) {
	if path == "" {
		return "", fs.ErrInvalid
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	switch info, err := os.Stat(absolute); {
	case errors.Is(err, fs.ErrNotExist):
		// SQLite would read a leftover log into the new database.
		for _, suffix := range []string{"-wal", "-journal"} {
			if _, err := os.Lstat(absolute + suffix); err != nil {
				continue
			}
			// Another process may have created the database since.
			if _, err := os.Stat(absolute); err == nil {
				return find(absolute)
			}
			return "", errLeftover
		}
		return absolute, errMissing
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", errNotAFile
	case info.Size() == 0:
		return "", errBlank
	case info.Size() < leastPage:
		return "", errNoDatabase // SQLite takes a file of one byte for an empty database
	}
	return absolute, nil
}

// leastPage is the smallest page of a database, in bytes.
const leastPage = 512

// create creates the file with its schema and its first users, under another name, and
// then gives it its own. It reports false where another process was faster.
func create(ctx context.Context, absolute string, config Config) (bool, error) {
	file, err := os.CreateTemp(filepath.Dir(absolute), filepath.Base(absolute)+".new-")
	if err != nil {
		return false, err
	}
	temporary := file.Name()
	defer os.Remove(temporary)
	if err := file.Close(); err != nil {
		return false, err
	}
	db, err := openDatabase(ctx, dataSource(temporary, config), 1, func(db *sql.DB) error { return initialize(ctx, db, config.Seed) })
	if err != nil {
		return false, err
	}
	if err := db.Close(); err != nil {
		return false, err
	}
	// Unlike a rename, a link never replaces a file.
	if err := os.Link(temporary, absolute); errors.Is(err, fs.ErrExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return true, syncFolder(filepath.Dir(absolute))
}

// syncFolder makes the name of a new file survive a power cut. It does nothing where
// folders cannot be synchronised.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer folder.Close()
	_ = folder.Sync()
	return nil
}
