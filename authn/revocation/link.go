package revocation

import "context"

// A Link carries revocations between processes. Packages pgbus and redisbus have one
// each; a [Bus] is what uses it. It must be safe for concurrent use.
//
// Who can publish on a link can make caches forget and live streams be rechecked, and
// no more than that.
type Link interface {
	// Publish sends a revocation to every process that subscribes, this one included. It
	// returns once the link has taken it, or with the reason why it has not, and soon
	// after ctx has ended.
	Publish(ctx context.Context, revocation Revocation) error
	// Subscribe calls receive for every revocation that is published, in its own
	// goroutine, until ctx ends or the link breaks, and returns why. It notices within
	// half a minute that a link has broken silently.
	//
	// As soon as it is subscribed it calls receive with [OfEverything], since it cannot
	// know what was published before. The bus calls Subscribe again after a break.
	Subscribe(ctx context.Context, receive func(Revocation)) error
}
