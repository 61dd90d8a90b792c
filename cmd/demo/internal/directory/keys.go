package directory

import (
	"context"
	"time"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/apikey"
)

// Keys returns a store of API keys in the same database: the keys of a user are removed with
// the user, and a key of a missing user is refused. Closing the directory closes the
// store.
func (d *Directory) Keys() *Keys { return &Keys{d.dialect.keys(d.db), d} }

// Keys is the store of API keys in a [Directory]. It is safe for concurrent use.
type Keys struct {
	database  *apikey.Database
	directory *Directory
}

var _ apikey.Store = (*Keys)(nil)

// LookupKey returns what a caller with an API key may do now: what the role of the key's
// owner allows, with the scopes of the key. It is an apikey.Lookup.
func (d *Directory) LookupKey(ctx context.Context, key apikey.Key) (authn.Details, error) {
	details, err := d.Lookup(ctx, key.Owner)
	if err != nil {
		return authn.Details{}, err
	}
	details.Scopes = key.Scopes
	return details, nil
}

// Add adds a key. It first removes the owner's keys that have expired, so that a user
// never has more keys than are valid and some that ended since the last one was made.
func (k *Keys) Add(ctx context.Context, record apikey.Record) error {
	return k.directory.because("add an API key", k.directory.write(ctx, func() error {
		if _, err := k.directory.db.ExecContext(ctx, "DELETE FROM sallyport_api_keys WHERE owner = ? AND expire_time <= ?",
			record.Owner, time.Now().UnixMicro()); err != nil {
			return err
		}
		return k.database.Add(ctx, record)
	}))
}

// Find returns the key with the id and whether there is one.
func (k *Keys) Find(ctx context.Context, id string) (apikey.Record, bool, error) {
	record, found, err := k.database.Find(ctx, id)
	return record, found, k.directory.because("find an API key", err)
}

// List returns all keys of an owner, oldest first.
func (k *Keys) List(ctx context.Context, owner string) ([]apikey.Key, error) {
	keys, err := k.database.List(ctx, owner)
	return keys, k.directory.because("list API keys", err)
}

// Remove removes a key, if it is the owner's, and reports whether it did.
func (k *Keys) Remove(ctx context.Context, owner, id string) (bool, error) {
	var removed bool
	err := k.directory.write(ctx, func() (err error) {
		removed, err = k.database.Remove(ctx, owner, id)
		return err
	})
	return removed, k.directory.because("remove an API key", err)
}

// RemoveAll removes every key of an owner.
func (k *Keys) RemoveAll(ctx context.Context, owner string) error {
	return k.directory.because("remove API keys", k.directory.write(ctx, func() error { return k.database.RemoveAll(ctx, owner) }))
}

// MarkUsed sets when a key was last used, if it is there and its last use was not after
// the given time.
func (k *Keys) MarkUsed(ctx context.Context, id string, at, notAfter time.Time) error {
	return k.directory.because("mark an API key as used", k.directory.write(ctx, func() error {
		return k.database.MarkUsed(ctx, id, at, notAfter)
	}))
}
