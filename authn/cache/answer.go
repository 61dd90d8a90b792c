package cache

import (
	"container/list"
	"sync/atomic"
	"time"

	"github.com/sallyport-rpc/sallyport/authn"
)

// An answer is what a verifier said of a credential: a principal or an error, never
// both and never neither. Once it is remembered it does not change.
type answer struct {
	key       key
	principal *authn.Principal
	err       error

	// until is when it is too old, and expires when the credential is, if ever.
	until, expires time.Time
	// asked is how many revocations there were when the verifier was asked, and about
	// what those would have been that void the answer.
	asked                 uint64
	byPrincipal, byItself stripe

	// What follows is the table's.
	place   *list.Element
	touched atomic.Bool
}

// holds reports whether the answer is not too old.
func (a *answer) holds(now time.Time) bool {
	return now.Before(a.until) && (a.expires.IsZero() || now.Before(a.expires))
}

// used notes that the answer was used. It writes only once, so that processors need
// not exchange the cache line.
func (a *answer) used() {
	if !a.touched.Load() {
		a.touched.Store(true)
	}
}
