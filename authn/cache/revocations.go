package cache

import (
	"hash/maphash"
	"sync/atomic"

	"github.com/sallyport-rpc/sallyport/authn/revocation"
)

// stripes is how many places there are to note revocations in.
const stripes = 1 << 14

// A stripe is the place where revocations of something are noted.
type stripe uint32

// revocations notes what was revoked when, in bounded space and without a lock: each
// is counted, and its number written into one of many places, which it shares with
// others. An answer that was asked for before the number in its place is not used. To
// share a place with another revocation costs a verification and nothing else; which
// ones share a place depends on a random seed.
type revocations struct {
	seed       maphash.Seed
	number     atomic.Uint64
	everything atomic.Uint64
	latest     [stripes]atomic.Uint64
}

func newRevocations() *revocations { return &revocations{seed: maphash.MakeSeed()} }

// stripe returns the place of what a revocation names.
func (r *revocations) stripe(of revocation.Revocation) stripe {
	return stripe(maphash.Comparable(r.seed, of) % stripes)
}

// count returns how many revocations there were.
func (r *revocations) count() uint64 { return r.number.Load() }

// add notes a revocation.
func (r *revocations) add(revoked revocation.Revocation) {
	place := &r.everything
	if revoked != revocation.OfEverything() {
		place = &r.latest[r.stripe(revoked)]
	}
	number := r.number.Add(1)
	for known := place.Load(); known < number && !place.CompareAndSwap(known, number); {
		known = place.Load()
	}
}

// since reports whether an answer was revoked since its verifier was asked.
func (r *revocations) since(answer *answer) bool {
	return r.everything.Load() > answer.asked ||
		r.latest[answer.byPrincipal].Load() > answer.asked ||
		r.latest[answer.byItself].Load() > answer.asked
}
