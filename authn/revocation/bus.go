package revocation

import (
	"context"
	"errors"
	"sync"
)

// A Bus publishes a process's revocations to the other processes of a service, and
// receives theirs. Make one with [New]; one is enough for a process. It is safe for
// concurrent use.
type Bus struct {
	link Link

	// ctx ends with Close. Everything the bus does, it does within ctx.
	ctx    context.Context //nolint:containedctx // it is the bus's own, and no call's
	cancel context.CancelFunc
	group  sync.WaitGroup

	mu          sync.Mutex
	subscribers []func(Revocation)
	// pending is what is still to be published. wake says that there is something.
	pending map[Revocation]struct{}
	wake    chan struct{}

	probe  probe
	health health
}

// New returns a bus on a link, which must not be nil. It runs three goroutines; call
// [Bus.Close] when done.
func New(link Link) (*Bus, error) {
	if link == nil {
		return nil, errors.New("revocation: the link is nil")
	}
	ctx, cancel := context.WithCancel(context.Background())
	bus := &Bus{
		link: link, ctx: ctx, cancel: cancel,
		pending: map[Revocation]struct{}{}, wake: make(chan struct{}, 1),
		probe: newProbe(),
	}
	bus.health.set(&bus.health.subscribe, errNotYet)
	bus.group.Go(bus.subscribeLoop)
	bus.group.Go(bus.publishLoop)
	bus.group.Go(bus.probeLoop)
	return bus, nil
}

// Close ends the bus and waits for its goroutines. What is still to be published is
// given two seconds for that.
func (b *Bus) Close() error {
	b.cancel()
	b.group.Wait()
	return nil
}
