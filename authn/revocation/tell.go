package revocation

import (
	"context"
	"log/slog"
	"time"
)

const (
	// maxUntold bounds what is kept while a link is down.
	maxUntold = 10_000
	// tellTimeout bounds one attempt, and lastWords all that come after Close.
	tellTimeout = 5 * time.Second
	lastWords   = 2 * time.Second
)

// Tell sends a revocation to all processes, this one included. It does not wait for
// that. While the link is down the revocation is kept, and sent when the link is back;
// where that would be too many, [OfEverything] is sent in the place of all of them.
//
// Only what was revoked where every process looks may be told: a process that hears
// of it asks there again.
func (b *Bus) Tell(revocation Revocation) {
	if revocation == (Revocation{}) {
		return
	}
	if _, err := revocation.MarshalText(); err != nil {
		revocation = OfEverything() // of which it is part
	}
	b.mu.Lock()
	if len(b.untold) >= maxUntold {
		clear(b.untold)
		revocation = OfEverything()
	}
	b.untold[revocation] = struct{}{}
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default: // it will wake up anyway
	}
}

// next takes one of what is to be told. It is taken before it is told, so that the
// same one, told again meanwhile, is sent again.
func (b *Bus) next() (Revocation, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for revocation := range b.untold {
		delete(b.untold, revocation)
		return revocation, true
	}
	return Revocation{}, false
}

// speak publishes what is told until the bus is closed.
func (b *Bus) speak() {
	var pause pause
	for b.ctx.Err() == nil {
		err := b.say(b.ctx)
		switch {
		case err == nil:
			pause = 0
			select {
			case <-b.wake:
			case <-b.ctx.Done():
			}
		case b.ctx.Err() == nil:
			if pause == 0 {
				slog.WarnContext(b.ctx, "revocations cannot be told to other processes: they count there with a delay", slog.Any("error", err))
			}
			pause.take(b.ctx)
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(b.ctx), lastWords)
	defer cancel()
	if err := b.say(last); err != nil {
		slog.WarnContext(last, "some revocations were not told to other processes", slog.Any("error", err))
	}
}

// say publishes all that is to be told, or what it can of it.
func (b *Bus) say(ctx context.Context) error {
	for {
		revocation, ok := b.next()
		if !ok {
			return nil
		}
		attempt, cancel := context.WithTimeout(ctx, tellTimeout)
		err := b.link.Publish(attempt, revocation)
		cancel()
		if err != nil {
			b.Tell(revocation)
			return err
		}
	}
}
