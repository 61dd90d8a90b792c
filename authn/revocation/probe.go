package revocation

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"time"
)

const (
	// probeInterval is how long a link that delivered its last probe is trusted.
	probeInterval = 30 * time.Second
	// probeTimeout is how long a probe may be on its way.
	probeTimeout = 5 * time.Second
)

var errUndelivered = errors.New("the link takes revocations and does not deliver them: a pooler in transaction mode, such as PgBouncer, loses them; connect to the server itself or in session mode")

// A probe is a message that a bus sends to itself. A link that accepts a subscription
// and delivers nothing would otherwise look as if nothing were ever revoked.
type probe struct {
	soon chan struct{} // a probe is asked for
	back chan struct{} // the one that is on its way has arrived

	mu       sync.Mutex
	expected Revocation
}

func newProbe() probe {
	return probe{soon: make(chan struct{}, 1), back: make(chan struct{}, 1)}
}

// hasten asks for a probe now.
func (p *probe) hasten() {
	select {
	case p.soon <- struct{}{}:
	default: // it is asked for already
	}
}

// begin returns the next message to send.
func (p *probe) begin() Revocation {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected = Revocation{ofProbe, rand.Text()}
	select {
	case <-p.back: // an earlier one that came too late
	default:
	}
	return p.expected
}

// receive notes that a probe has arrived. Other processes' probes are passed over.
func (p *probe) receive(arrived Revocation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if arrived != p.expected {
		return
	}
	p.expected = Revocation{}
	p.back <- struct{}{}
}

// probeLoop sends probes until the bus is closed: as soon as the link is up, and then
// at intervals. A link that is known to be down is not probed.
func (b *Bus) probeLoop() {
	next := time.NewTimer(probeInterval)
	for {
		select {
		case <-b.probe.soon:
		case <-next.C:
		case <-b.ctx.Done():
			return
		}
		wait := probeInterval
		if b.health.get(&b.health.subscribe) == nil && !b.probeOnce() {
			wait = probeTimeout
		}
		next.Reset(wait)
	}
}

// probeOnce sends one probe and waits for it. It reports false where it did not arrive.
func (b *Bus) probeOnce() bool {
	if err := b.publish(b.ctx, b.probe.begin()); err != nil {
		// That a publish fails is known from those that matter.
		b.health.set(&b.health.publish, err)
		return false
	}
	b.health.set(&b.health.publish, nil)
	select {
	case <-b.probe.back:
		if b.health.set(&b.health.deliver, nil) {
			slog.InfoContext(b.ctx, "the link for revocations delivers them again")
			b.receive(OfEverything()) // some were lost
		}
		return true
	case <-time.After(probeTimeout):
		if b.health.set(&b.health.deliver, errUndelivered) && b.ctx.Err() == nil {
			slog.WarnContext(b.ctx, "the link for revocations does not deliver them: those of other processes take effect with a delay",
				slog.Any("error", errUndelivered))
		}
		return false
	case <-b.ctx.Done():
		return true
	}
}
