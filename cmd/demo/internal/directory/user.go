package directory

import (
	"context"
	"database/sql"
	"time"

	"github.com/google/uuid"
)

// A Role is what a user may do. Each user has exactly one role.
type Role string

// The roles.
const (
	Member  Role = "member"
	Auditor Role = "auditor"
	Admin   Role = "admin"
)

// A User is one entry of a [Directory].
type User struct {
	// ID is a random UUID in lower case. Create chooses it.
	ID string
	// Name is the name that is displayed.
	Name string
	// Email is as the user wrote it. It is unique without regard to the case of ASCII letters.
	Email string
	// Role is Member, Auditor or Admin.
	Role Role
	// PasswordHash is for checking the password and must not leave the server. A user with
	// an empty one has no password and cannot sign in.
	PasswordHash string
	// CreateTime is when the user was created. Create sets it.
	CreateTime time.Time
}

const columns = "id, name, email, role, password_hash, create_time"

// Create adds a user with the given name, email, role and password hash, and returns it
// with its id and its creation time. It fails with [ErrEmailTaken] and [ErrFull].
func (d *Directory) Create(ctx context.Context, user User) (User, error) {
	created, err := d.changeOne(ctx, Created, func(ctx context.Context) (User, error) {
		if err := d.hasRoom(ctx); err != nil {
			return User{}, err
		}
		return insert(ctx, d.db, user)
	})
	return created, d.because("create a user", err)
}

// CreateAll adds users as [Directory.Create] does: all of them or none.
func (d *Directory) CreateAll(ctx context.Context, users ...User) ([]User, error) {
	var created []User
	err := d.change(ctx, Created, func(ctx context.Context) (_ []User, err error) {
		created, err = d.insertAll(ctx, users)
		return created, err
	})
	if err != nil {
		return nil, d.because("create users", err)
	}
	return created, nil
}

// Empty reports whether there are no users.
func (d *Directory) Empty(ctx context.Context) (bool, error) {
	empty, err := isEmpty(ctx, d.db)
	return empty, d.because("count the users", err)
}

// Get returns the user with an id. It fails with [ErrNotFound].
func (d *Directory) Get(ctx context.Context, id string) (User, error) {
	user, err := one(d.db.QueryRowContext(ctx, "SELECT "+columns+" FROM users WHERE id = ?", id))
	return user, d.because("get a user", err)
}

// ByEmail returns the user with an email, without regard to case. It fails with
// [ErrNotFound].
func (d *Directory) ByEmail(ctx context.Context, email string) (User, error) {
	user, err := one(d.db.QueryRowContext(ctx, "SELECT "+columns+" FROM users WHERE "+d.dialect.byEmail, email))
	return user, d.because("get a user", err)
}

// UpdateProfile sets a user's name and email. It fails with [ErrNotFound] and
// [ErrEmailTaken].
func (d *Directory) UpdateProfile(ctx context.Context, id, name, email string) (User, error) {
	user, err := d.changeOne(ctx, Updated, func(ctx context.Context) (User, error) {
		return one(d.db.QueryRowContext(ctx,
			"UPDATE users SET name = ?, email = ? WHERE id = ? RETURNING "+columns, name, email, id))
	})
	return user, d.because("update a profile", err)
}

// GrantRole replaces a user's role. It fails with [ErrNotFound], and with [ErrLastAdmin]
// where no administrator would be left.
func (d *Directory) GrantRole(ctx context.Context, id string, role Role) (User, error) {
	user, err := d.changeOne(ctx, Updated, func(ctx context.Context) (User, error) {
		return one(d.db.QueryRowContext(ctx,
			"UPDATE users SET role = ? WHERE id = ? RETURNING "+columns, role, id))
	})
	return user, d.because("grant a role", err)
}

// Delete removes a user together with the user's sessions in [Directory.Sessions] and keys
// in [Directory.Keys]. It fails with [ErrNotFound] and [ErrLastAdmin].
func (d *Directory) Delete(ctx context.Context, id string) error {
	_, err := d.changeOne(ctx, Deleted, func(ctx context.Context) (User, error) {
		return one(d.db.QueryRowContext(ctx, "DELETE FROM users WHERE id = ? RETURNING "+columns, id))
	})
	return d.because("delete a user", err)
}

// insertAll inserts users in one transaction.
func (d *Directory) insertAll(ctx context.Context, users []User) ([]User, error) {
	if err := d.hasRoom(ctx); err != nil {
		return nil, err
	}
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	inserted := make([]User, 0, len(users))
	for _, user := range users {
		complete, err := insert(ctx, tx, user)
		if err != nil {
			return nil, err
		}
		inserted = append(inserted, complete)
	}
	return inserted, tx.Commit()
}

// hasRoom fails where there is no room for more than sessions.
func (d *Directory) hasRoom(ctx context.Context) error { return d.dialect.room(ctx, d.db, d.maxBytes) }

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

// row is a result of one row, or the current row of several.
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
