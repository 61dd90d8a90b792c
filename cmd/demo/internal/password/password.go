package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"

	"golang.org/x/crypto/argon2"
)

// ErrBusy says that as many passwords are being hashed, and waited for, as the
// [Hasher] allows. It passes; the caller may try again.
var ErrBusy = errors.New("too many passwords are being hashed")

// A Hasher hashes and verifies passwords, a bounded number at a time. Make one
// with [New] and share it: the bounds are those of the one Hasher. It is safe for
// concurrent use.
type Hasher struct {
	admitted chan struct{} // holds one token for each that runs or waits
	running  chan struct{} // holds one token for each that runs
	nobody   encoded
}

// New returns a Hasher that hashes up to parallel passwords at once, while up to
// waiting more wait for their turn. Each that runs takes 19 MiB. Numbers below
// their least sensible value, 1 and 0, count as that value.
func New(parallel, waiting int) *Hasher {
	parallel, waiting = max(parallel, 1), max(waiting, 0)
	nobody := encoded{cost: recommended, salt: make([]byte, saltLength), key: make([]byte, keyLength)}
	// Random bytes are a hash that no password is known to have.
	rand.Read(nobody.salt)
	rand.Read(nobody.key)
	return &Hasher{
		admitted: make(chan struct{}, parallel+waiting),
		running:  make(chan struct{}, parallel),
		nobody:   nobody,
	}
}

// Hash returns the hash of a password, with a salt of its own, as a PHC string
// such as "$argon2id$v=19$m=19456,t=2,p=1$…$…". It fails with [ErrBusy], or with
// ctx's error if ctx ends before its turn comes.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	fresh := encoded{cost: recommended, salt: make([]byte, saltLength)}
	rand.Read(fresh.salt)
	var err error
	if fresh.key, err = h.derive(ctx, fresh, keyLength, password); err != nil {
		return "", err
	}
	return fresh.String(), nil
}

// Verify reports whether password has the given hash. It fails as [Hasher.Hash]
// does, and on a hash that it cannot read or that would cost too much, which is
// the store's fault and not the password's.
func (h *Hasher) Verify(ctx context.Context, hash, password string) (bool, error) {
	stored, err := parse(hash)
	if err != nil {
		return false, err
	}
	return h.matches(ctx, stored, password)
}

// VerifyNone takes the time that [Hasher.Verify] takes, for a user that does not
// exist, so that an answer's time does not tell which users do. It fails as
// [Hasher.Hash] does; a nil error means no more than that the time has passed.
func (h *Hasher) VerifyNone(ctx context.Context, password string) error {
	_, err := h.matches(ctx, h.nobody, password)
	return err
}

func (h *Hasher) matches(ctx context.Context, stored encoded, password string) (bool, error) {
	length := uint32(len(stored.key)) //nolint:gosec // 64 at most: see binary.
	key, err := h.derive(ctx, stored, length, password)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(key, stored.key) == 1, nil
}

// derive runs argon2id when its turn comes. Once it runs it cannot be stopped, so
// ctx matters only before.
func (h *Hasher) derive(ctx context.Context, e encoded, length uint32, password string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case h.admitted <- struct{}{}:
		defer func() { <-h.admitted }()
	default:
		return nil, ErrBusy
	}
	select {
	case h.running <- struct{}{}:
		defer func() { <-h.running }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return argon2.IDKey([]byte(password), e.salt, e.time, e.memory, e.lanes, length), nil
}
