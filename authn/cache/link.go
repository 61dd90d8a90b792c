package cache

import (
	"context"
	"log/slog"
	"time"
)

// A Link carries revocations between the processes of a service. What it loses is
// made good by time alone, so it may lose some. It must be safe for concurrent use.
//
// Whoever can publish can make caches forget, and no more than that: a credential is
// then verified once more.
type Link interface {
	// Publish sends a revocation, by its MarshalText, to every process that subscribes,
	// this one included or not. It returns once the link has it, or with why not.
	Publish(ctx context.Context, revocation Revocation) error
	// Subscribe calls receive for every revocation that is published, until ctx ends or
	// the link breaks, and returns why. It is called again after a break. It passes over
	// messages that UnmarshalText refuses.
	Subscribe(ctx context.Context, receive func(Revocation)) error
}

// pause is how long a link that broke is left alone.
const pause = time.Second

// listen subscribes to the link until the cache is closed.
func (c *Cache) listen() {
	for c.ctx.Err() == nil {
		err := c.link.Subscribe(c.ctx, c.forget)
		if c.ctx.Err() != nil {
			return
		}
		slog.WarnContext(c.ctx, "the link for revocations broke; until it is back, others' revocations count after a delay",
			slog.Duration("delay", c.ttl), slog.Any("error", err))
		select {
		case <-time.After(pause):
		case <-c.ctx.Done():
		}
	}
}
