package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"github.com/alexedwards/scs/v2"
)

// errUnreadable is a fault: something else writes to the store.
var errUnreadable = errors.New("session: an entry of the store is unreadable")

// entries are what a store holds. There are three kinds, so that none is ever read,
// changed and written back, which two processes could do at once and undo each
// other's work. An entry that is not found has expired.
//
//   - a record, written once and removed when its session ends;
//   - the last sighting of a session, overwritten as it is used;
//   - the epoch of a user, overwritten with a random one to end all their sessions.
type entries struct{ store scs.CtxStore }

// record is a session.
type record struct {
	User string `json:"user"`
	// Epoch is the user's when the session started.
	Epoch           string    `json:"epoch,omitempty"`
	AuthenticatedAt time.Time `json:"authenticated_at"`
}

// sighting is when a session was last known to be in use. The user is for stores
// that drop their sessions together with the user.
type sighting struct {
	User string    `json:"user"`
	At   time.Time `json:"at"`
}

// epoch names no user: it has to outlive the user's sessions, not the user.
type epoch struct {
	Epoch string `json:"epoch"`
}

// epochKept is longer than any session that an epoch may have ended can live, by
// whatever settings it was started, with a day for clocks that differ.
const epochKept = longest + 24*time.Hour

// Kinds of keys. A key is a hash, so that who reads the store cannot use what is
// there, and the kind is part of it, so that no token can name another kind's entry.
const (
	recordKey   = "session:"
	sightingKey = "sighting:"
	epochKey    = "epoch:"
)

// key returns 43 characters, which is what the stores of scs make room for.
func key(kind, of string) string {
	sum := sha256.Sum256([]byte(kind + of))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (e entries) session(ctx context.Context, token string) (record, bool, error) {
	var session record
	found, err := e.read(ctx, key(recordKey, token), &session)
	if err == nil && found && session.User == "" {
		err = errUnreadable
	}
	return session, found, err
}

func (e entries) add(ctx context.Context, token string, session record, lifetime time.Duration) error {
	return e.write(ctx, key(recordKey, token), session, lifetime)
}

// remove drops the record first: a sighting alone opens nothing.
func (e entries) remove(ctx context.Context, token string) error {
	if err := e.store.DeleteCtx(ctx, key(recordKey, token)); err != nil {
		return err
	}
	return e.store.DeleteCtx(ctx, key(sightingKey, token))
}

func (e entries) sighting(ctx context.Context, token string) (sighting, bool, error) {
	var seen sighting
	found, err := e.read(ctx, key(sightingKey, token), &seen)
	return seen, found, err
}

func (e entries) sight(ctx context.Context, token string, seen sighting, idle time.Duration) error {
	return e.write(ctx, key(sightingKey, token), seen, idle)
}

// epoch returns the user's epoch, or "" if no epoch ended any session that could
// still live.
func (e entries) epoch(ctx context.Context, userID string) (string, error) {
	var current epoch
	found, err := e.read(ctx, key(epochKey, userID), &current)
	if err == nil && found && current.Epoch == "" {
		err = errUnreadable
	}
	return current.Epoch, err
}

func (e entries) newEpoch(ctx context.Context, userID string) error {
	return e.write(ctx, key(epochKey, userID), epoch{rand.Text()}, epochKept)
}

func (e entries) read(ctx context.Context, key string, into any) (bool, error) {
	data, found, err := e.store.FindCtx(ctx, key)
	if err != nil || !found {
		return false, err
	}
	if json.Unmarshal(data, into) != nil {
		return false, errUnreadable
	}
	return true, nil
}

func (e entries) write(ctx context.Context, key string, value any, keep time.Duration) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return e.store.CommitCtx(ctx, key, data, time.Now().UTC().Add(keep))
}

// withContext gives a store the methods that take a context, if it lacks them.
func withContext(store scs.Store) scs.CtxStore {
	if store, ok := store.(scs.CtxStore); ok {
		return store
	}
	return contextless{store}
}

// contextless is a store that cannot be interrupted.
type contextless struct{ scs.Store }

func (c contextless) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	return c.Find(token)
}

func (c contextless) CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.Commit(token, b, expiry)
}

func (c contextless) DeleteCtx(ctx context.Context, token string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.Delete(token)
}
