package revocation_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sallyport-rpc/sallyport/authn/revocation"
)

// A pooler is a link that can lose what is published, as PgBouncer in transaction mode
// does.
type pooler struct {
	*hub

	loses atomic.Bool
}

func (p *pooler) Publish(ctx context.Context, r revocation.Revocation) error {
	if p.loses.Load() {
		return ctx.Err()
	}
	return p.hub.Publish(ctx, r)
}

func expectHealth(t *testing.T, when string, bus *revocation.Bus, want string) {
	t.Helper()
	synctest.Wait()
	err := bus.Health()
	if err == nil && want != "" || err != nil && (want == "" || !strings.Contains(err.Error(), want)) {
		t.Errorf("%s: %v, want %q", when, err, want)
	}
}

// A link that accepts everything and delivers nothing is noticed, and what was lost
// counts as revoked once it delivers again.
func TestUndelivered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		link := &pooler{hub: newHub()}
		link.loses.Store(true)
		bus, received := open(t, link)
		time.Sleep(5*time.Second + 1)
		expectHealth(t, "from the start", bus, "PgBouncer")
		link.loses.Store(false)
		time.Sleep(10 * time.Second)
		expectHealth(t, "once it delivers", bus, "")
		received.expect(t, "once it delivers", "everything")

		link.loses.Store(true)
		bus.Publish(revocation.OfPrincipal("ada"))
		time.Sleep(36 * time.Second)
		expectHealth(t, "later", bus, "PgBouncer")
		received.expect(t, "while it loses")
		time.Sleep(time.Minute) // it is probed often now
		link.loses.Store(false)
		time.Sleep(10 * time.Second)
		expectHealth(t, "in the end", bus, "")
		received.expect(t, "in the end", "everything")
	})
}

// A link that works is healthy for days, and nothing counts as revoked.
func TestDelivered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		link := newHub()
		first, one := open(t, link)
		second, other := open(t, link)
		for range 1000 {
			time.Sleep(time.Minute)
			expectHealth(t, "first", first, "")
			expectHealth(t, "second", second, "")
		}
		one.expect(t, "first")
		other.expect(t, "second")
	})
}

// A link may deliver what was published twice: at least once is all that some promise.
func TestDeliveredTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus, received := open(t, twice{newHub()})
		for range 3 {
			time.Sleep(time.Minute)
			expectHealth(t, "by probes", bus, "")
			bus.Publish(revocation.OfPrincipal("ada"))
			received.expect(t, "of a principal", "principal ada", "principal ada")
		}
	})
}

// twice is a link that delivers everything twice.
type twice struct{ *hub }

func (l twice) Publish(ctx context.Context, r revocation.Revocation) error {
	return errors.Join(l.hub.Publish(ctx, r), l.hub.Publish(ctx, r))
}

// A link that is known to be down is not probed.
func TestNoProbeOfALinkThatIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		link := newHub()
		link.turn(true)
		open(t, link)
		time.Sleep(time.Hour)
		synctest.Wait()
		link.mu.Lock()
		defer link.mu.Unlock()
		if link.probes != 0 {
			t.Errorf("%d probes", link.probes)
		}
	})
}

// A link that takes no probe is ill, and is asked again soon.
func TestRefusedProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		link := &refusing{hub: newHub()}
		link.refuses.Store(true)
		bus, received := open(t, link)
		time.Sleep(time.Minute)
		received.take()
		expectHealth(t, "while it refuses probes", bus, "publish: it takes nothing")
		link.refuses.Store(false)
		time.Sleep(6 * time.Second)
		expectHealth(t, "soon after it takes something again", bus, "")
		received.expect(t, "nothing was lost")
	})
}

// refusing is a link that delivers, and may take nothing.
type refusing struct {
	*hub

	refuses atomic.Bool
}

func (l *refusing) Publish(ctx context.Context, r revocation.Revocation) error {
	if l.refuses.Load() {
		return errors.New("it takes nothing")
	}
	return l.hub.Publish(ctx, r)
}

func TestHealth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		link := newHub()
		link.turn(true)
		bus, _ := open(t, link)
		expectHealth(t, "before the link was ever up", bus, "subscribe: the hub is down")
		bus.Publish(revocation.OfPrincipal("ada"))
		expectHealth(t, "with something to publish", bus, "publish: the hub is down")
		link.turn(false)
		time.Sleep(5 * time.Second)
		expectHealth(t, "up", bus, "")
		link.turn(true)
		expectHealth(t, "down again", bus, "subscribe: the hub is down")
		link.turn(false)
		time.Sleep(5 * time.Second)
		expectHealth(t, "up again", bus, "")
	})
}

// A subscription that ends without a word is not a healthy one.
func TestHealthOfSilentEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus, _ := open(t, ending{})
		expectHealth(t, "at once", bus, "ended without an error")
	})
}

// ending is a link whose subscriptions end at once, and say nothing.
type ending struct{ silent }

func (ending) Subscribe(context.Context, func(revocation.Revocation)) error { return nil }
