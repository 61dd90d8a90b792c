package session

import (
	"slices"
	"sync"

	"github.com/sallyport-rpc/sallyport/action"
)

// revocations are who is told when sessions end before their time.
type revocations struct {
	mu    sync.Mutex
	heard []func(userID string)
}

var _ action.Revoker = (*Manager)(nil)

// OnRevoke implements [action.Revoker]: revoked is called with the id of a user
// whose sessions End or EndAll has ended in this process, and of one whom Changed is
// told about. Live streams of theirs are looked at again at once.
func (m *Manager) OnRevoke(revoked func(userID string)) {
	m.revocations.mu.Lock()
	defer m.revocations.mu.Unlock()
	m.revocations.heard = append(m.revocations.heard, revoked)
}

// Changed says that what a user may do has changed: a role was given or taken. Calls
// ask Lookup each time and need not be told; live streams do.
func (m *Manager) Changed(userID string) {
	m.revocations.mu.Lock()
	heard := slices.Clone(m.revocations.heard)
	m.revocations.mu.Unlock()
	for _, revoked := range heard {
		revoked(userID)
	}
}
