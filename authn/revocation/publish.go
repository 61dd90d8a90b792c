package revocation

import (
	"context"
	"log/slog"
	"time"
)

const (
	// maxPending bounds what is kept while a link is down.
	maxPending = 10_000
	// publishTimeout bounds one attempt, and closeTimeout all that come after Close.
	publishTimeout = 5 * time.Second
	closeTimeout   = 2 * time.Second
)

// Publish sends a revocation to all processes, this one included. It does not wait for
// that. While the link is down the revocation is kept, and sent when the link is up
// again; where that would be too many, [OfEverything] is sent in their place.
//
// Publish a revocation only after it was stored where every process looks: a process
// that receives it asks there again.
func (b *Bus) Publish(revocation Revocation) {
	if revocation == (Revocation{}) {
		return
	}
	if _, err := revocation.MarshalText(); err != nil {
		revocation = OfEverything() // of which it is part
	}
	b.mu.Lock()
	if len(b.pending) >= maxPending {
		clear(b.pending)
		revocation = OfEverything()
	}
	b.pending[revocation] = struct{}{}
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default: // it is awake, or will be
	}
}

// next takes a revocation that is still to be published. It is taken out before it is
// published, so that the same one, published again meanwhile, is sent again.
func (b *Bus) next() (Revocation, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for revocation := range b.pending {
		delete(b.pending, revocation)
		return revocation, true
	}
	return Revocation{}, false
}

// publishLoop publishes what is pending until the bus is closed.
func (b *Bus) publishLoop() {
	var pause pause
	for b.ctx.Err() == nil {
		err := b.publishPending(b.ctx)
		if b.ctx.Err() != nil {
			break
		}
		b.health.set(&b.health.publish, err)
		if err != nil {
			if pause == 0 {
				slog.WarnContext(b.ctx, "revocations cannot be published: they take effect in other processes with a delay", slog.Any("error", err))
			}
			pause.take(b.ctx, longestDown)
			continue
		}
		pause = 0
		select {
		case <-b.wake:
		case <-b.ctx.Done():
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(b.ctx), closeTimeout)
	defer cancel()
	if err := b.publishPending(last); err != nil {
		slog.WarnContext(last, "some revocations were not published to other processes", slog.Any("error", err))
	}
}

// publishPending publishes everything that is pending, up to the first failure.
func (b *Bus) publishPending(ctx context.Context) error {
	for {
		revocation, ok := b.next()
		if !ok {
			return nil
		}
		if err := b.publish(ctx, revocation); err != nil {
			b.Publish(revocation)
			return err
		}
	}
}

func (b *Bus) publish(ctx context.Context, revocation Revocation) error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	return b.link.Publish(ctx, revocation)
}
