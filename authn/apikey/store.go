package apikey

import (
	"context"
	"crypto/sha256"
	"time"
)

// A Store keeps keys. [Database] is one. It must be safe for concurrent use, and what
// a method has returned without an error must hold for every call that follows, in
// every process: an old answer lets a revoked key in.
//
// After any error the call ends as unavailable.
type Store interface {
	// Add adds a key. It fails where the id is taken.
	Add(ctx context.Context, record Record) error
	// Find returns the key with the id and whether there is one.
	Find(ctx context.Context, id string) (Record, bool, error)
	// List returns all keys of an owner, the oldest first.
	List(ctx context.Context, owner string) ([]Key, error)
	// Remove removes a key, if it is the owner's, and reports whether it did.
	Remove(ctx context.Context, owner, id string) (bool, error)
	// RemoveAll removes every key of an owner.
	RemoveAll(ctx context.Context, owner string) error
	// MarkUsed sets when a key was last used, if it is there and its last use was not
	// after the given time. It must not bring back a key that was removed meanwhile.
	MarkUsed(ctx context.Context, id string, at, notAfter time.Time) error
}

// A Record is a key as a [Store] keeps it.
type Record struct {
	Key

	// Hash is the SHA-256 of the key's text.
	Hash [sha256.Size]byte
}
