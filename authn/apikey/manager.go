package apikey

import (
	"context"
	"errors"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/internal/revoked"
	"github.com/sallyport-rpc/sallyport/internal/option"
)

// A Manager issues, lists, revokes and authenticates keys. Make one with [New]. It is
// safe for concurrent use and starts no goroutines. All its keys are in its store, so
// any number of processes may share that.
type Manager struct {
	store   Store
	lookup  Lookup
	revoked revoked.Subscribers
	settings
}

var (
	_ authn.Challenger = (*Manager)(nil)
	_ authn.Revoker    = (*Manager)(nil)
)

// A Lookup returns what a key's owner may do now by this key: roles, claims and so
// on. It runs at every call, after the key was found valid, and must not change it.
//
// The principal gets those of the key's scopes that the details name as well; where
// the owner may use all of them, that is `Scopes: key.Scopes`. An action takes the key
// only where it has every one of the action's credential_scopes, and a grant holds. The
// principal of an unscoped key gets all scopes that the details name. Unscoped of the
// details is ignored, since the key says it.
//
// For an owner that is gone or disabled it returns an error made by
// [authn.InvalidCredential]; after any other error the call ends as unavailable.
// AuthenticatedAt of the details is ignored, since a key does not say it; ExpiresAt
// holds where it comes before the key's own.
type Lookup func(ctx context.Context, key Key) (authn.Details, error)

// New returns a Manager that keeps its keys in store and asks lookup about their
// owners. The error names everything that is wrong with the arguments.
func New(store Store, lookup Lookup, options ...Option) (*Manager, error) {
	chosen := defaults
	err := option.Apply("apikey", &chosen, options)
	database, ok := store.(*Database)
	if store == nil || ok && (database == nil || database.db == nil) {
		err = errors.Join(errors.New("apikey: a store is required"), err)
	}
	if lookup == nil {
		err = errors.Join(errors.New("apikey: a lookup is required"), err)
	}
	if err != nil {
		return nil, err
	}
	manager := &Manager{store: store, lookup: lookup, settings: chosen}
	manager.revoked.Join(chosen.bus)
	return manager, nil
}
