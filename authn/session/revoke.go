package session

import "github.com/sallyport-rpc/sallyport/authn"

var _ authn.Revoker = (*Manager)(nil)

// OnRevoke implements [authn.Revoker]: revoked is called with the id of a user whose
// sessions End or EndAll has ended, or who was given to Changed: in this process, and
// with [WithBus] in any process. It is called with "" for all users when the bus may
// have missed something.
func (m *Manager) OnRevoke(revoked func(userID string)) { m.revoked.OnRevoke(revoked) }

// Changed says that what a user may do has changed, such as a role that was given or
// taken, so that the user's live streams are rechecked at once. Calls do not need it:
// they ask [Lookup] each time. Call it after the change was stored. "" means all users.
func (m *Manager) Changed(userID string) { m.revoked.Publish(userID) }
