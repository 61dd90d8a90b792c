package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"

	"golang.org/x/crypto/argon2"
)

// A Hasher hashes and verifies passwords when they have their turns in a [Queue]. Make one
// with [New]. It is safe for concurrent use.
type Hasher struct {
	queue *Queue
	decoy encoded // what the passwords of missing users are compared with
}

// New returns a Hasher that hashes the passwords that have their turns in a queue. Each
// that is hashed takes 19 MiB.
func New(queue *Queue) *Hasher {
	decoy := encoded{cost: recommended, salt: make([]byte, saltLength), key: make([]byte, keyLength)}
	// Random bytes are the hash of no password that is known.
	rand.Read(decoy.salt)
	rand.Read(decoy.key)
	return &Hasher{queue: queue, decoy: decoy}
}

// Hash returns the hash of a password, with a salt of its own, as a PHC string such as
// "$argon2id$v=19$m=19456,t=2,p=1$…$…". It fails with [ErrBusy], or with ctx's error if
// ctx ends before the password has its turn.
func (h *Hasher) Hash(ctx context.Context, source Source, password string) (string, error) {
	if err := h.queue.Enter(ctx, source, false); err != nil {
		return "", err
	}
	defer h.queue.Leave(source, false, true)
	fresh := encoded{cost: recommended, salt: make([]byte, saltLength)}
	rand.Read(fresh.salt)
	fresh.key = fresh.derive(keyLength, password)
	return fresh.String(), nil
}

// Verify reports whether password has the given hash. It is a guess: after 10 wrong ones
// for an account, further ones have a turn each second, and those from several addresses
// take turns.
//
// It fails as [Hasher.Hash] does, and on a hash that it cannot read or that would cost
// too much, which is the fault of the store and not of the password.
func (h *Hasher) Verify(ctx context.Context, source Source, hash, password string) (bool, error) {
	stored, err := parse(hash)
	if err != nil {
		return false, err
	}
	return h.matches(ctx, source, stored, password)
}

// VerifyNone does for a user that does not exist what [Hasher.Verify] does for others: it
// waits for the same turns and takes the same time, so that neither shows which users
// exist. It fails as [Hasher.Hash] does. A nil error says nothing about the password.
func (h *Hasher) VerifyNone(ctx context.Context, source Source, password string) error {
	_, err := h.matches(ctx, source, h.decoy, password)
	return err
}

func (h *Hasher) matches(ctx context.Context, source Source, stored encoded, password string) (right bool, err error) {
	if err := h.queue.Enter(ctx, source, true); err != nil {
		return false, err
	}
	defer func() { h.queue.Leave(source, true, right) }()
	length := uint32(len(stored.key)) //nolint:gosec // 64 at most: see binary.
	return subtle.ConstantTimeCompare(stored.derive(length, password), stored.key) == 1, nil
}

// derive runs argon2id. It cannot be interrupted.
func (e encoded) derive(length uint32, password string) []byte {
	return argon2.IDKey([]byte(password), e.salt, e.time, e.memory, e.lanes, length)
}
