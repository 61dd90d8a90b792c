// Package revoked is how authenticators say that a principal's access has ended or
// changed.
package revoked

import (
	"slices"
	"sync"

	"github.com/sallyport-rpc/sallyport/authn/revocation"
)

// Subscribers are called when a principal's access ends or changes before its time: in
// this process and, by a bus, in the others. The zero value has none. It is safe for
// concurrent use.
type Subscribers struct {
	bus *revocation.Bus

	mu   sync.Mutex
	list []func(principalID string)
}

// Join connects the subscribers to a bus, both ways. It comes before any other use. A
// nil bus changes nothing.
func (s *Subscribers) Join(bus *revocation.Bus) {
	if bus == nil {
		return
	}
	s.bus = bus
	bus.Subscribe(func(revoked revocation.Revocation) {
		switch principalID, ok := revoked.Principal(); {
		case ok:
			s.publishHere(principalID)
		case revoked == revocation.OfEverything():
			s.publishHere("")
		}
	})
}

// OnRevoke adds a subscriber, as authn.Revoker says.
func (s *Subscribers) OnRevoke(revoked func(principalID string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, revoked)
}

// Publish calls all subscribers with the id of a principal, or "" for all principals.
// Those of this process have been called when it returns.
func (s *Subscribers) Publish(principalID string) {
	s.publishHere(principalID)
	switch {
	case s.bus == nil:
	case principalID == "":
		s.bus.Publish(revocation.OfEverything())
	default:
		s.bus.Publish(revocation.OfPrincipal(principalID))
	}
}

func (s *Subscribers) publishHere(principalID string) {
	s.mu.Lock()
	list := slices.Clone(s.list)
	s.mu.Unlock()
	for _, revoked := range list {
		revoked(principalID)
	}
}
