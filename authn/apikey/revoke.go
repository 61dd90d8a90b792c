package apikey

import (
	"context"
	"errors"
)

// ErrNotFound says that an owner has no such key.
var ErrNotFound = errors.New("apikey: no such key")

// Revoke removes one key of an owner. From then on no call is let in by it, and the
// owner's live streams are rechecked: in this process, and with [WithBus] in all. It
// fails with [ErrNotFound] where the owner has no such key, even if another owner has,
// and with [authn.ErrUnavailable] where the store fails.
func (m *Manager) Revoke(ctx context.Context, owner, id string) error {
	found, err := m.store.Remove(ctx, owner, id)
	if found || err != nil { // after an error it may be gone
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
// where the store fails.
func (m *Manager) RevokeAll(ctx context.Context, owner string) error {
	err := m.store.RemoveAll(ctx, owner)
	m.Changed(owner)
	if err != nil {
		return failure(ctx, "revoke all keys", err)
	}
	return nil
}

// OnRevoke implements [authn.Revoker]: revoked is called with the id of an owner whose
// keys Revoke or RevokeAll has removed, or who was given to Changed: in this process,
// and with [WithBus] in any process. It is called with "" for all owners when the bus
// may have missed something.
func (m *Manager) OnRevoke(revoked func(owner string)) { m.revoked.OnRevoke(revoked) }

// Changed says that what an owner may do has changed, such as a role that was given or
// taken, so that the owner's live streams are rechecked at once. Calls do not need it:
// they ask [Lookup] each time. Call it after the change was stored. "" means all owners.
func (m *Manager) Changed(owner string) { m.revoked.Publish(owner) }
