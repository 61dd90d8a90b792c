package directory

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/sallyport-rpc/sallyport/authn"
)

// MaxSessions is how many sessions a user has at most. Where one more starts, the oldest
// ends.
const MaxSessions = 32

// maxSightings is how many entries a user has at most that say when a session was last
// used. They do not say of which session, so there is room for those of sessions that
// have ended; they expire when a session would that is not used.
const maxSightings = 2 * MaxSessions

// sweep is how many expired entries one new entry removes at most, so that no call waits
// long. More than one are removed, so that the sweep catches up.
const sweep = 100

// Lookup returns what a session's user may do now. It is a session.Lookup.
func (d *Directory) Lookup(ctx context.Context, userID string) (authn.Details, error) {
	user, err := d.Get(ctx, userID)
	if errors.Is(err, ErrNotFound) {
		return authn.Details{}, authn.InvalidCredential("user is gone")
	}
	if err != nil {
		return authn.Details{}, err
	}
	claims, err := d.claims(ctx, userID)
	if err != nil {
		return authn.Details{}, d.because("read the claims of a user", err)
	}
	return authn.Details{Roles: []string{string(user.Role)}, Claims: claims}, nil
}

// Generation returns the generation of a user's sessions. It is a session.Generation.
func (d *Directory) Generation(ctx context.Context, userID string) (string, error) {
	var generation string
	err := d.db.QueryRowContext(ctx, "SELECT session_generation FROM users WHERE id = ?", userID).Scan(&generation)
	if errors.Is(err, sql.ErrNoRows) {
		return "", authn.InvalidCredential("user is gone")
	}
	return generation, d.because("read the generation of a user's sessions", err)
}

// EndSessions ends the sessions of a user, wherever their entries are kept: the user's
// generation changes, and a store that gets older entries back revives no session. It also
// removes the entries in [Directory.Sessions]. It fails with [ErrNotFound].
func (d *Directory) EndSessions(ctx context.Context, userID string) error {
	return d.because("end a user's sessions", d.write(ctx, func() error {
		return d.finish(ctx, func(ctx context.Context) error { return d.endSessions(ctx, userID) })
	}))
}

func (d *Directory) endSessions(ctx context.Context, userID string) error {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	// A generation that no session was ever started in. It is not a number that goes up: one
	// that was restored from a backup would come to a number again that sessions were started
	// in.
	if err := someRow(tx.ExecContext(ctx, "UPDATE users SET session_generation = ? WHERE id = ?", rand.Text(), userID)); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE user_id = ?", userID); err != nil {
		return err
	}
	return tx.Commit()
}

// Sessions returns a store of sessions in the same database. It serves package session
// alone, whose data says which user an entry belongs to: the entries of a user are
// removed with the user, and an entry of a missing user is refused. Closing the directory
// closes the store.
func (d *Directory) Sessions() *Sessions { return &Sessions{d} }

// Sessions is the store of sessions in a [Directory]. It is safe for concurrent use.
// It removes expired entries as it takes new ones, and runs no goroutine of its own.
type Sessions struct{ directory *Directory }

var _ scs.CtxStore = (*Sessions)(nil)

// FindCtx returns the data of an entry, unless it has expired.
func (s *Sessions) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	var data []byte
	err := s.directory.db.QueryRowContext(ctx, "SELECT data FROM sessions WHERE token = ? AND expire_time > ?",
		token, time.Now().UnixMicro()).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return data, err == nil, s.directory.because("find a session", err)
}

// An entry is what package session writes, as far as the store reads it.
type entry struct {
	User *string `json:"user"`
	// AuthenticatedAt is null where the entry is no session.
	AuthenticatedAt any `json:"authenticated_at"`
}

// CommitCtx adds an entry or overwrites it. It fails where the entry's user is missing.
func (s *Sessions) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	var of entry
	if err := json.Unmarshal(data, &of); err != nil {
		return s.directory.because("keep a session", err)
	}
	return s.directory.because("keep a session", s.directory.write(ctx, func() error {
		return s.commit(ctx, token, string(data), of, expiry)
	}))
}

func (s *Sessions) commit(ctx context.Context, token, data string, of entry, expiry time.Time) error {
	tx, err := s.directory.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if of.User != nil {
		if err := s.directory.lock(ctx, tx, "users", *of.User); err != nil {
			return err
		}
	}
	//nolint:gosec // The dialect's words are constants.
	swept := "DELETE FROM sessions WHERE token IN (SELECT token FROM sessions WHERE expire_time <= ? LIMIT ?" + s.directory.dialect.skipLocked + ")"
	if _, err := tx.ExecContext(ctx, swept, time.Now().UnixMicro(), sweep); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO sessions (token, data, expire_time, user_id) VALUES (?, ?, ?, ?)
		ON CONFLICT (token) DO UPDATE SET data = excluded.data, expire_time = excluded.expire_time, user_id = excluded.user_id`,
		token, data, expiry.UnixMicro(), of.User); err != nil {
		return err
	}
	// Of each kind the newest stay: those that expire last. The one entry of a user that
	// outlives the sessions is among those without authenticated_at, and expires last of all.
	isSighting, kept := of.AuthenticatedAt == nil, MaxSessions
	if isSighting {
		kept = maxSightings
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE token IN (
		SELECT token FROM sessions WHERE user_id = ? AND (data ->> 'authenticated_at' IS NULL) = ?
		ORDER BY expire_time DESC, token LIMIT 1000000 OFFSET ?)`, of.User, isSighting, kept); err != nil {
		return err
	}
	return tx.Commit()
}

// DeleteCtx removes an entry, if there is one.
func (s *Sessions) DeleteCtx(ctx context.Context, token string) error {
	return s.directory.because("end a session", s.directory.write(ctx, func() error {
		_, err := s.directory.db.ExecContext(ctx, "DELETE FROM sessions WHERE token = ?", token)
		return err
	}))
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
