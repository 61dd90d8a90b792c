package policy

import (
	"time"

	"github.com/sallyport-rpc/sallyport/authn"
)

// A Freshness says whether a caller authenticated recently enough. Its zero value is not
// enough.
type Freshness uint8

// What can be said of when a caller authenticated.
const (
	// TimeUnknown: nothing tells when.
	TimeUnknown Freshness = iota
	// TooLongAgo: longer ago than is allowed.
	TooLongAgo
	// InTheFuture: later than now, by more than clocks differ.
	InTheFuture
	// Fresh: recently enough.
	Fresh
)

// maxClockSkew is by how much the clock of who authenticated the caller may be ahead.
const maxClockSkew = time.Minute

// FreshnessOf says whether a principal authenticated within an age of now. With an age of
// 0 any time is recent enough, also an unknown one.
func FreshnessOf(principal *authn.Principal, now time.Time, maxAge time.Duration) Freshness {
	if maxAge == 0 {
		return Fresh
	}
	switch since := principal.AuthenticatedAt(); {
	case since.IsZero():
		return TimeUnknown
	case now.Sub(since) > maxAge:
		return TooLongAgo
	case since.After(now.Add(maxClockSkew)):
		return InTheFuture
	default:
		return Fresh
	}
}
