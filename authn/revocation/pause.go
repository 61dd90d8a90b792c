package revocation

import (
	"context"
	"math/rand/v2"
	"time"
)

// The bounds of a pause.
const (
	shortestPause = 100 * time.Millisecond
	longestPause  = 10 * time.Second
)

// A pause is how long a link that failed was last left alone.
type pause time.Duration

// take waits: twice as long as the last time, up to a bound, and of that at least a
// half. How much more is up to chance, so that processes which lost a link together
// do not return together. It returns false as soon as ctx ends.
func (p *pause) take(ctx context.Context) bool {
	*p = min(max(2**p, pause(shortestPause)), pause(longestPause))
	half := time.Duration(*p / 2)
	select {
	case <-time.After(half + rand.N(half)): //nolint:gosec // no secret
		return true
	case <-ctx.Done():
		return false
	}
}
