package revocation

import (
	"log/slog"
	"slices"
	"time"
)

// Subscribe asks for receive to be called with every revocation that any process
// publishes, this one included, and with [OfEverything] whenever some may have been
// missed: at first, after the link was down, and after it did not deliver. The calls
// come from one goroutine and should return soon. A subscription does not end.
func (b *Bus) Subscribe(receive func(Revocation)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.subscribers = append(b.subscribers, receive)
}

func (b *Bus) receive(revocation Revocation) {
	if revocation.kind == ofProbe {
		b.probe.receive(revocation)
		return
	}
	b.mu.Lock()
	subscribers := slices.Clone(b.subscribers)
	b.mu.Unlock()
	for _, receive := range subscribers {
		receive(revocation)
	}
}

// subscribeLoop subscribes to the link until the bus is closed.
func (b *Bus) subscribeLoop() {
	var pause pause
	for broken := false; b.ctx.Err() == nil; {
		began := time.Now()
		err := b.link.Subscribe(b.ctx, func(revocation Revocation) {
			if b.health.set(&b.health.subscribe, nil) {
				b.probe.hasten() // does it deliver?
				if broken {
					broken = false
					slog.InfoContext(b.ctx, "the link for revocations is up again")
				}
			}
			b.receive(revocation)
		})
		if b.ctx.Err() != nil {
			return
		}
		longest := longestDown
		if b.health.set(&b.health.subscribe, orClosed(err)) {
			longest = longestBroken // it was up
		}
		if !broken {
			broken = true
			slog.WarnContext(b.ctx, "the link for revocations is down: those of other processes take effect with a delay", slog.Any("error", err))
		}
		if time.Since(began) > longestBroken {
			pause = 0
		}
		pause.take(b.ctx, longest)
	}
}
