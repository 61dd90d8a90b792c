package revocation_test

import (
	"context"
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
