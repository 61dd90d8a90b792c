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

var (
	// errUnreadable is a fault: something else writes to the store.
	errUnreadable = errors.New("session: an entry of the store is unreadable")
	errNotKept    = errors.New("session: the store does not keep what is written")
)

// entries are what a store holds. There are three kinds, so that none is ever read,
// changed and written back: two processes doing that at once would undo each other's
// work. An entry that is not found has expired or was lost, and then the session that
// needs it has ended.
//
//   - a record, written once and removed when its session ends;
//   - the last use of a session, overwritten as the session is used;
//   - the epoch of a user, a random text that is removed to end all their sessions.
type entries struct{ store scs.CtxStore }

// record is a session.
type record struct {
	User string `json:"user"`
	// Epoch is the user's when the session started.
	Epoch string `json:"epoch"`
	// Generation is what WithGeneration returned then, or empty without it.
	Generation      string    `json:"generation,omitempty"`
	AuthenticatedAt time.Time `json:"authenticated_at"`
}

// lastUse is when a session was last known to be in use. Its user, and that of an
// epoch, are for stores that drop what belongs to a user together with the user.
type lastUse struct {
	User string    `json:"user"`
	At   time.Time `json:"at"`
}

// epoch is what a user's sessions must have been started with.
type epoch struct {
	User    string    `json:"user"`
	Epoch   string    `json:"epoch"`
	BeganAt time.Time `json:"began_at"`
}

// An epoch outlives every session that is started with it, by any settings. After
// epochReuse a Start begins another, which ends the user's other sessions: once in
// nine years.
const (
	epochKept  = 10 * 365 * 24 * time.Hour
	epochReuse = epochKept - longest - 24*time.Hour
)

// Kinds of keys. A key is a hash, so that a reader of the store cannot use what is
// there. The kind is part of it, so that no token can name another kind's entry.
const (
	recordKey  = "session:"
	lastUseKey = "last use:"
	epochKey   = "epoch:"
)

// key returns 43 characters, which is what the stores of scs make room for.
func key(kind, of string) string {
	sum := sha256.Sum256([]byte(kind + of))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// session returns the session of a token. Nothing is found beside an error, here and
// below.
func (e entries) session(ctx context.Context, token string) (record, bool, error) {
	var session record
	found, err := e.read(ctx, key(recordKey, token), &session)
	if found && session.User == "" {
		return record{}, false, errUnreadable
	}
	return session, found, err
}

func (e entries) add(ctx context.Context, token string, session record, lifetime time.Duration) error {
	return e.write(ctx, key(recordKey, token), session, lifetime)
}

// remove drops the record first: a last use alone opens nothing.
func (e entries) remove(ctx context.Context, token string) error {
	if err := e.store.DeleteCtx(ctx, key(recordKey, token)); err != nil {
		return err
	}
	return e.store.DeleteCtx(ctx, key(lastUseKey, token))
}

func (e entries) lastUse(ctx context.Context, token string) (lastUse, bool, error) {
	var used lastUse
	found, err := e.read(ctx, key(lastUseKey, token), &used)
	return used, found, err
}

func (e entries) use(ctx context.Context, token string, used lastUse, idle time.Duration) error {
	return e.write(ctx, key(lastUseKey, token), used, idle)
}

// epoch returns the user's epoch. Without one the user has no session.
func (e entries) epoch(ctx context.Context, userID string) (epoch, bool, error) {
	var current epoch
	found, err := e.read(ctx, key(epochKey, userID), &current)
	if found && current.Epoch == "" {
		return epoch{}, false, errUnreadable
	}
	return current, found, err
}

// epochForStart returns the epoch for a session that starts now. It begins one where
// there is none. It reads that back, so that two processes that do so at once agree
// unless one of them reads before the other writes: then one of the two new sessions
// has ended, and its user signs in again.
func (e entries) epochForStart(ctx context.Context, userID string) (string, error) {
	for range 3 {
		current, found, err := e.epoch(ctx, userID)
		if err != nil || found && time.Since(current.BeganAt) < epochReuse {
			return current.Epoch, err
		}
		began := epoch{userID, rand.Text(), time.Now().UTC()}
		if err := e.write(ctx, key(epochKey, userID), began, epochKept); err != nil {
			return "", err
		}
	}
	return "", errNotKept
}

// endEpoch ends all sessions of a user.
func (e entries) endEpoch(ctx context.Context, userID string) error {
	return e.store.DeleteCtx(ctx, key(epochKey, userID))
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
