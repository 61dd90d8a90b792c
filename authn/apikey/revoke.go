package apikey

import (
	"context"
	"errors"
)

// ErrNotFound says that an owner has no such key.
var ErrNotFound = errors.New("apikey: no such key")

// Revoke removes one key of an owner. From then on no call comes in by it, and live
// streams are looked at again: in this process, and with [WithBus] in all. It fails with [ErrNotFound] where the
// owner has no such key, even if somebody else has, and with [authn.ErrUnavailable]
// where the store does.
func (m *Manager) Revoke(ctx context.Context, owner, id string) error {
	found, err := m.store.Remove(ctx, owner, id)
	if found || err != nil { // after an error nobody knows
		m.Changed(owner)
	}
	if err != nil {
		return failure(ctx, "revoke a key", err)
	}
	if !found {
		return ErrNotFound
	}
	return nil
}

// RevokeAll removes every key of an owner, as Revoke does with one. An Issue at the
// same time counts as before or as after it. It fails with [authn.ErrUnavailable]
// where the store does.
func (m *Manager) RevokeAll(ctx context.Context, owner string) error {
	err := m.store.RemoveAll(ctx, owner)
	m.Changed(owner)
	if err != nil {
		return failure(ctx, "revoke all keys", err)
	}
	return nil
}

// OnRevoke implements [authn.Revoker]: revoked is called with the id of an owner
// whose keys Revoke or RevokeAll has removed in this process, and of one whom Changed
// is told about; with [WithBus] in any process.
func (m *Manager) OnRevoke(revoked func(owner string)) { m.revoked.OnRevoke(revoked) }

// Changed says that what an owner may do has changed: a role was given or taken.
// Calls ask Lookup each time and need not be told; live streams do.
func (m *Manager) Changed(owner string) { m.revoked.Tell(owner) }
