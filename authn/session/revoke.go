package session

import "github.com/sallyport-rpc/sallyport/authn"

var _ authn.Revoker = (*Manager)(nil)

// OnRevoke implements [authn.Revoker]: revoked is called with the id of a user
// whose sessions End or EndAll has ended in this process, and of one whom Changed is
// told about; with [WithBus] in any process. Live streams of theirs are looked at
// again at once.
func (m *Manager) OnRevoke(revoked func(userID string)) { m.revoked.OnRevoke(revoked) }

// Changed says that what a user may do has changed: a role was given or taken. Calls
// ask Lookup each time and need not be told; live streams do.
func (m *Manager) Changed(userID string) { m.revoked.Tell(userID) }
