// Package revoked is what authenticators tell of their revocations by.
package revoked

import (
	"slices"
	"sync"

	"github.com/sallyport-rpc/sallyport/authn/revocation"
)

// Listeners are who is told when what a principal may do ends or changes before its
// time, in this process and, by a bus, in the others. The zero value has none. It is
// safe for concurrent use.
type Listeners struct {
	bus *revocation.Bus

	mu    sync.Mutex
	heard []func(principalID string)
}

// Join makes the listeners hear of other processes by a bus, and those of this one.
// It comes before any other use. A nil bus changes nothing.
//
// That some revocations may have been missed is not passed on, since it names nobody:
// live streams are looked at within their recheck, and caches are on the bus
// themselves.
func (l *Listeners) Join(bus *revocation.Bus) {
	if bus == nil {
		return
	}
	l.bus = bus
	bus.Hear(func(revocation revocation.Revocation) {
		if principalID, ok := revocation.Principal(); ok {
			l.tellHere(principalID)
		}
	})
}

// OnRevoke adds a listener, as authn.Revoker says.
func (l *Listeners) OnRevoke(revoked func(principalID string)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = append(l.heard, revoked)
}

// Tell tells everyone of a principal. Those of this process know when it returns.
func (l *Listeners) Tell(principalID string) {
	l.tellHere(principalID)
	if l.bus != nil {
		l.bus.Tell(revocation.OfPrincipal(principalID))
	}
}

func (l *Listeners) tellHere(principalID string) {
	l.mu.Lock()
	heard := slices.Clone(l.heard)
	l.mu.Unlock()
	for _, revoked := range heard {
		revoked(principalID)
	}
}
