package directory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	sqlite3 "modernc.org/sqlite/lib"
)

// Errors of a [Directory]. Test for them with [errors.Is].
var (
	// ErrNotFound says that there is no such user.
	ErrNotFound = errors.New("no such user")
	// ErrEmailTaken says that another user has the email.
	ErrEmailTaken = errors.New("email belongs to another user")
	// ErrLastAdmin says that no administrator would be left.
	ErrLastAdmin = errors.New("the last administrator stays one")
)

// A Role is what a user may do. Each user has exactly one.
type Role string

// The roles.
const (
	Member  Role = "member"
	Auditor Role = "auditor"
	Admin   Role = "admin"
)

// A User is one entry of a [Directory].
type User struct {
	// ID is a random UUID, which Create chooses.
	ID string
	// Name is what the user is called.
	Name string
	// Email is as the user wrote it, and unique whatever the case of its ASCII letters.
	Email string
	// Role is Member, Auditor or Admin.
	Role Role
	// PasswordHash is for checking the password and must not leave the server. Empty is
	// no password at all.
	PasswordHash string
	// CreateTime is when the user was created, which Create sets.
	CreateTime time.Time
}

const columns = "id, name, email, role, password_hash, create_time"

// Create adds a user with the name, email, role and password hash given, and returns
// it complete. It fails with [ErrEmailTaken].
func (d *Directory) Create(ctx context.Context, user User) (User, error) {
	created, err := d.changeOne(ctx, Created, func(ctx context.Context) (User, error) { return insert(ctx, d.db, user) })
	return created, because("create a user", err)
}

// CreateAll adds users as [Directory.Create] does, and all of them or none.
func (d *Directory) CreateAll(ctx context.Context, users ...User) ([]User, error) {
	var created []User
	err := d.change(ctx, Created, func(ctx context.Context) (_ []User, err error) {
		created, err = d.insertAll(ctx, users, func(*sql.Tx) (bool, error) { return true, nil })
		return created, err
	})
	if err != nil {
		return nil, because("create users", err)
	}
	return created, nil
}

// Populate creates the users given if there are none at all, and all of them or
// none. It reports whether it did.
func (d *Directory) Populate(ctx context.Context, users ...User) (bool, error) {
	populated := false
	err := d.change(ctx, Created, func(ctx context.Context) ([]User, error) {
		return d.insertAll(ctx, users, func(tx *sql.Tx) (empty bool, err error) {
			empty, err = isEmpty(ctx, tx)
			populated = empty && err == nil
			return populated, err
		})
	})
	return populated && err == nil, because("populate the directory", err)
}

// insertAll inserts users in one transaction, unless its condition does not hold.
func (d *Directory) insertAll(ctx context.Context, users []User, condition func(*sql.Tx) (bool, error)) ([]User, error) {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	if holds, err := condition(tx); err != nil || !holds {
		return nil, err
	}
	var inserted []User
	for _, user := range users {
		complete, err := insert(ctx, tx, user)
		if err != nil {
			return nil, err
		}
		inserted = append(inserted, complete)
	}
	return inserted, tx.Commit()
}

// Empty reports whether there are no users.
func (d *Directory) Empty(ctx context.Context) (bool, error) {
	empty, err := isEmpty(ctx, d.db)
	return empty, because("count the users", err)
}

// Get returns the user with an id. It fails with [ErrNotFound].
func (d *Directory) Get(ctx context.Context, id string) (User, error) {
	user, err := one(d.db.QueryRowContext(ctx, "SELECT "+columns+" FROM users WHERE id = ?", id))
	return user, because("get a user", err)
}

// ByEmail returns the user with an email, in whatever case. It fails with
// [ErrNotFound].
func (d *Directory) ByEmail(ctx context.Context, email string) (User, error) {
	user, err := one(d.db.QueryRowContext(ctx, "SELECT "+columns+" FROM users WHERE email = ?", email))
	return user, because("get a user", err)
}

// UpdateProfile sets a user's name and email. It fails with [ErrNotFound] and
// [ErrEmailTaken].
func (d *Directory) UpdateProfile(ctx context.Context, id, name, email string) (User, error) {
	user, err := d.changeOne(ctx, Updated, func(ctx context.Context) (User, error) {
		return one(d.db.QueryRowContext(ctx,
			"UPDATE users SET name = ?, email = ? WHERE id = ? RETURNING "+columns, name, email, id))
	})
	return user, because("update a profile", err)
}

// GrantRole gives a user a role in place of the one it had. It fails with
// [ErrNotFound], and with [ErrLastAdmin] where it would take the last
// administrator's.
func (d *Directory) GrantRole(ctx context.Context, id string, role Role) (User, error) {
	user, err := d.changeOne(ctx, Updated, func(ctx context.Context) (User, error) {
		return one(d.db.QueryRowContext(ctx,
			"UPDATE users SET role = ? WHERE id = ? RETURNING "+columns, role, id))
	})
	return user, because("grant a role", err)
}

// Delete removes a user and with it, at once, every session it has in
// [Directory.Sessions] and every key in [Directory.Keys]. It fails with [ErrNotFound] and [ErrLastAdmin].
func (d *Directory) Delete(ctx context.Context, id string) error {
	_, err := d.changeOne(ctx, Deleted, func(ctx context.Context) (User, error) {
		return one(d.db.QueryRowContext(ctx, "DELETE FROM users WHERE id = ? RETURNING "+columns, id))
	})
	return because("delete a user", err)
}

// inserter is a database or a transaction of one.
type inserter interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func insert(ctx context.Context, db inserter, user User) (User, error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return User{}, err
	}
	user.ID, user.CreateTime = id.String(), time.Now().UTC().Truncate(time.Microsecond)
	_, err = db.ExecContext(ctx, "INSERT INTO users ("+columns+") VALUES (?, ?, ?, ?, ?, ?)",
		user.ID, user.Name, user.Email, user.Role, user.PasswordHash, user.CreateTime.UnixMicro())
	if err != nil {
		return User{}, err
	}
	return user, nil
}

func isEmpty(ctx context.Context, db querier) (bool, error) {
	var empty bool
	err := db.QueryRowContext(ctx, "SELECT NOT EXISTS (SELECT 1 FROM users)").Scan(&empty)
	return empty, err
}

// row is a result of one row, or the current one of many.
type row interface{ Scan(into ...any) error }

func one(row row) (User, error) {
	var user User
	var created int64
	if err := row.Scan(&user.ID, &user.Name, &user.Email, &user.Role, &user.PasswordHash, &created); err != nil {
		return User{}, err
	}
	user.CreateTime = time.UnixMicro(created).UTC()
	return user, nil
}

// because says what failed, and turns what SQLite has to say about the rules of the
// schema into this package's errors.
func because(doing string, err error) error {
	switch code := sqliteCode(err); {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		err = ErrNotFound
	case code == sqlite3.SQLITE_CONSTRAINT_UNIQUE:
		err = ErrEmailTaken
	case code == sqlite3.SQLITE_CONSTRAINT_TRIGGER:
		err = ErrLastAdmin
	}
	return fmt.Errorf("%s: %w", doing, err)
}
