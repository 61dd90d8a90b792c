package revocation

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// A Bus is where one process tells and hears of revocations. Make one with [New]; one
// is enough for a process. It is safe for concurrent use.
type Bus struct {
	link Link

	// ends with Close; whatever the bus does, it does in it
	ctx    context.Context //nolint:containedctx // it is the bus's own, and no call's
	cancel context.CancelFunc
	group  sync.WaitGroup

	mu    sync.Mutex
	heard []func(Revocation)
	// untold is what is still to be told; wake says that there is something.
	untold map[Revocation]struct{}
	wake   chan struct{}
}

// New returns a bus on a link, which must not be nil. It runs two goroutines; call
// [Bus.Close] when done.
func New(link Link) (*Bus, error) {
	if link == nil {
		return nil, errors.New("revocation: the link is nil")
	}
	ctx, cancel := context.WithCancel(context.Background())
	bus := &Bus{link: link, ctx: ctx, cancel: cancel, untold: map[Revocation]struct{}{}, wake: make(chan struct{}, 1)}
	bus.group.Go(bus.listen)
	bus.group.Go(bus.speak)
	return bus, nil
}

// Close ends the bus and waits for its goroutines. What is still to be told is given
// two seconds for that.
func (b *Bus) Close() error {
	b.cancel()
	b.group.Wait()
	return nil
}

// Hear asks for hear to be called with every revocation that any process tells, this
// one included, and with [OfEverything] whenever some may have been missed. It is
// called in one goroutine and should return soon. There is no way to take this back.
func (b *Bus) Hear(hear func(Revocation)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.heard = append(b.heard, hear)
}

func (b *Bus) receive(revocation Revocation) {
	b.mu.Lock()
	heard := slices.Clone(b.heard)
	b.mu.Unlock()
	for _, hear := range heard {
		hear(revocation)
	}
}

// listen subscribes to the link until the bus is closed.
func (b *Bus) listen() {
	var pause pause
	for broken := false; ; {
		began := time.Now()
		err := b.link.Subscribe(b.ctx, func(revocation Revocation) {
			if broken {
				broken = false
				slog.InfoContext(b.ctx, "the link for revocations is back")
			}
			b.receive(revocation)
		})
		if b.ctx.Err() != nil {
			return
		}
		if !broken {
			broken = true
			slog.WarnContext(b.ctx, "the link for revocations is down: those of other processes count with a delay", slog.Any("error", err))
		}
		if time.Since(began) > longestPause {
			pause = 0
		}
		if !pause.take(b.ctx) {
			return
		}
	}
}
