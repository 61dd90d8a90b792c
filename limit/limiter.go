package limit

import (
	"context"
	"net/netip"
	"time"
)

// A Limiter counts calls against limits.
//
// Implementations must be safe for concurrent use, and should return soon: a call waits
// for it.
type Limiter interface {
	// Take counts one call in every bucket, of which none is there twice, or, where one of them has no room for it, in
	// none. wait is after how long all of them will have room, if no other call comes
	// first: 0 says that the call was counted. over is the place of the bucket that has no
	// room for that long. An error refuses the call as unavailable.
	Take(ctx context.Context, buckets []Bucket) (wait time.Duration, over int, err error)
}

// A Bucket is where the calls of one caller, or of all, to an action are counted.
// Buckets that are equal are one.
type Bucket struct {
	// Procedure is the action: "/demo.v1.AccountService/SignIn".
	Procedure string
	// Limit is the limit of the action.
	Limit Limit
	// Principal is the id of the caller where the limit is per [Principal].
	Principal string
	// Network is where the call came from where the limit is per [Address]. All calls
	// from places that are not known count as one; their Network is the zero Prefix.
	Network netip.Prefix
}
