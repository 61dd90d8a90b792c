package revocation

import (
	"context"
	"math/rand/v2"
	"time"
)

// The bounds of a pause. While a link is down, a pause bounds how long after the outage
// a process learns what it missed. Where a link breaks again and again, it bounds how
// often everything counts as revoked.
const (
	shortestPause = 100 * time.Millisecond
	longestDown   = 2 * time.Second
	longestBroken = 10 * time.Second
)

// A pause is how long a link that failed was last left alone.
type pause time.Duration

// take waits twice as long as the last time, at most for the longest pause. Half of
// that is fixed and the rest is random, so that processes which lost a link together do
// not return together. It returns as soon as ctx ends.
func (p *pause) take(ctx context.Context, longest time.Duration) {
	*p = min(max(2**p, pause(shortestPause)), pause(longest))
	half := time.Duration(*p / 2)
	select {
	case <-time.After(half + rand.N(half)): //nolint:gosec // no secret
	case <-ctx.Done():
	}
}
