package directory

import (
	"context"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/apikey"
)

// Keys returns a store of API keys in the same file: the keys of a user go with the
// user, and one of a user who is gone is not taken. Close closes it too.
func (d *Directory) Keys() *apikey.Database { return apikey.SQLite(d.db) }

// LookupKey tells what a key's owner may do now by the key: what their role lets them,
// with the scopes of the key and no others. It is an apikey.Lookup.
func (d *Directory) LookupKey(ctx context.Context, key apikey.Key) (authn.Details, error) {
	claims, err := d.Lookup(ctx, key.Owner)
	if err != nil {
		return authn.Details{}, err
	}
	claims.Scopes = key.Scopes
	return claims, nil
}
