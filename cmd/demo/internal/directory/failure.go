package directory

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// Errors of a [Directory]. Test for them with [errors.Is].
var (
	// ErrNotFound: there is no such user, or no such document.
	ErrNotFound = errors.New("no such user or document")
	// ErrEmailTaken: another user has the email.
	ErrEmailTaken = errors.New("email belongs to another user")
	// ErrLastAdmin: no administrator would be left.
	ErrLastAdmin = errors.New("the last administrator must remain one")
	// ErrShared: there are as many documents shared with a user as there may be.
	ErrShared = errors.New("too many documents are shared with a user")
	// ErrBadText: a text has a character that PostgreSQL cannot keep, which is NUL.
	ErrBadText = errors.New("the database cannot keep the character NUL")
	// ErrBusy: another process held a lock of the database for too long.
	ErrBusy = errors.New("database is locked")
	// ErrUnreachable: PostgreSQL cannot be reached, or does not answer.
	ErrUnreachable = errors.New("database cannot be reached")
	// ErrFull: the disk is full, or the database has reached its size limit.
	ErrFull = errors.New("database is full")
	// ErrDamaged: the file is damaged, or is not a database.
	ErrDamaged = errors.New("database is damaged")
)

// What can be wrong with a database that is not there, or is not this program's.
var (
	errMissing = errors.New("no such database")
	errForeign = errors.New("database of another program")
	errNewer   = errors.New("database of a newer schema")
)

// because says what failed, and translates the errors of the database and of the schema
// into those of this package.
func (d *Directory) because(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		err = ErrNotFound
	default:
		err = d.dialect.translate(d.name, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// A databaseError keeps its cause for programs and its text for people.
type databaseError struct {
	text  string
	kind  error // nil, or one of this package's
	cause error
}

func (e *databaseError) Error() string { return e.text }

func (e *databaseError) Unwrap() []error {
	if e.kind == nil {
		return []error{e.cause}
	}
	return []error{e.kind, e.cause}
}

// oneLine returns the text of an error in one line.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
