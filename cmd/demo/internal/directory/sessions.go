package directory

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/sallyport-rpc/sallyport/authn"
)

// Lookup tells what a session's user may do now. It is a session.Lookup.
func (d *Directory) Lookup(ctx context.Context, userID string) (authn.Details, error) {
	user, err := d.Get(ctx, userID)
	if errors.Is(err, ErrNotFound) {
		return authn.Details{}, authn.InvalidCredential("user is gone")
	}
	if err != nil {
		return authn.Details{}, err
	}
	return authn.Details{Roles: []string{string(user.Role)}}, nil
}

// Sessions returns a store of sessions in the same file. It serves the session
// package alone, which says in its data whose each entry is: what belongs to a user
// goes with the user, and what would belong to one who is gone is not taken. Close
// closes it too.
func (d *Directory) Sessions() *Sessions { return &Sessions{d.db} }

// Sessions is the store of sessions in a [Directory]. It is safe for concurrent use.
// What has expired it removes as it takes new entries, with no goroutine of its own.
type Sessions struct{ db *sql.DB }

var _ scs.CtxStore = (*Sessions)(nil)

// sweep bounds how many expired entries one new entry removes, so that none waits
// long. Being more than one, it catches up.
const sweep = 100

// FindCtx returns the data of an entry, unless it has expired.
func (s *Sessions) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	var data []byte
	err := s.db.QueryRowContext(ctx, "SELECT data FROM sessions WHERE token = ? AND expire_time > ?",
		token, time.Now().UnixMicro()).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return data, err == nil, err
}

// CommitCtx adds an entry or overwrites it. It fails on one of a user who is gone.
func (s *Sessions) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE token IN
		(SELECT token FROM sessions WHERE expire_time <= ? LIMIT ?)`, time.Now().UnixMicro(), sweep); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `REPLACE INTO sessions (token, data, expire_time, user_id)
		VALUES (?1, ?2, ?3, ?2 ->> 'user')`, token, string(data), expiry.UnixMicro()); err != nil {
		return err
	}
	return tx.Commit()
}

// DeleteCtx removes an entry, if there is one.
func (s *Sessions) DeleteCtx(ctx context.Context, token string) error {
	_, err := s.db.ExecContext(ctx, "DELETE FROM sessions WHERE token = ?", token)
	return err
}

// Find is FindCtx for callers without a context.
func (s *Sessions) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is CommitCtx for callers without a context.
func (s *Sessions) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete is DeleteCtx for callers without a context.
func (s *Sessions) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }
