package revocation_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/authn/revocation"
)

// The tests of a bus alone run in bubbles, where time moves on only when all goroutines
// wait; a bubble does not end before all its goroutines have.

// A hub is a link in memory. While it is down, its methods fail.
type hub struct {
	mu        sync.Mutex
	down      bool
	cut       chan struct{} // closed when the hub goes down
	receivers map[int]chan revocation.Revocation
	next      int
	tries     []time.Time // of Subscribe
	published []string
	probes    int               // that were to be published, while it was down too
	attempts  []context.Context // to publish
}

func newHub() *hub {
	return &hub{cut: make(chan struct{}), receivers: map[int]chan revocation.Revocation{}}
}

var errDown = errors.New("the hub is down")

func (h *hub) turn(down bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down == down {
		return
	}
	if h.down = down; down {
		close(h.cut)
	} else {
		h.cut = make(chan struct{})
	}
}

// tried returns when Subscribe was called, and taken what was published.
func (h *hub) tried() []time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.tries)
}

func (h *hub) taken() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.published)
}

func (h *hub) Publish(ctx context.Context, r revocation.Revocation) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if outcome(r) == "probe" {
		h.probes++
	}
	h.attempts = append(h.attempts, ctx)
	if h.down {
		return errDown
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if kind := outcome(r); kind != "probe" {
		h.published = append(h.published, kind)
	}
	for _, receiver := range h.receivers {
		receiver <- r
	}
	return nil
}

func (h *hub) Subscribe(ctx context.Context, receive func(revocation.Revocation)) error {
	h.mu.Lock()
	h.tries = append(h.tries, time.Now())
	if h.down {
		h.mu.Unlock()
		return errDown
	}
	id, own, cut := h.next, make(chan revocation.Revocation, 20_000), h.cut
	h.next++
	h.receivers[id] = own
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.receivers, id)
	}()
	receive(revocation.OfEverything())
	for {
		select {
		case r := <-own:
			receive(r)
		case <-cut:
			return errDown
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// A recorder keeps what a bus receives.
type recorder struct {
	mu       sync.Mutex
	received []string
}

func (d *recorder) record(r revocation.Revocation) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.received = append(d.received, outcome(r))
}

// take returns what was received since the last time.
func (d *recorder) take() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	received := d.received
	d.received = nil
	return received
}

// open returns a bus that listens, if it can, and what it receives from then on.
func open(t *testing.T, link revocation.Link) (*revocation.Bus, *recorder) {
	t.Helper()
	bus, err := revocation.New(link)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bus.Close() })
	recorder := &recorder{}
	bus.Subscribe(recorder.record)
	synctest.Wait()
	recorder.take()
	return bus, recorder
}

func (d *recorder) expect(t *testing.T, when string, want ...string) {
	t.Helper()
	synctest.Wait()
	if diff := cmp.Diff(want, d.take()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", when, diff)
	}
}

func TestNewWithoutLink(t *testing.T) {
	t.Parallel()
	if bus, err := revocation.New(nil); bus != nil || err == nil {
		t.Errorf("got %v and %v", bus, err)
	}
}

func TestAllReceive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub := newHub()
		first, one := open(t, hub)
		second, other := open(t, hub)
		first.Publish(revocation.OfPrincipal("ada"))
		one.expect(t, "first, of its own", "principal ada")
		other.expect(t, "second", "principal ada")
		second.Publish(revocation.OfCredential("s3cr3t"))
		one.expect(t, "first", "credential")
		other.expect(t, "second, of its own", "credential")
		first.Publish(revocation.Revocation{})
		one.expect(t, "first, of nothing")
		first.Publish(revocation.OfPrincipal(strings.Repeat("x", 5000)))
		other.expect(t, "second, of a principal whose id is too long", "everything")
	})
}

func TestLinkBreaksAndComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub := newHub()
		first, _ := open(t, hub)
		_, other := open(t, hub)
		hub.turn(true)
		first.Publish(revocation.OfPrincipal("ada"))
		first.Publish(revocation.OfPrincipal("ada"))
		time.Sleep(time.Hour)
		other.expect(t, "while the link is down")
		hub.turn(false)
		time.Sleep(2 * time.Second) // the longest pause
		synctest.Wait()
		received := other.take()
		slices.Sort(received) // which of the two comes back first is up to chance
		if want := []string{"everything", "principal ada"}; !cmp.Equal(received, want) && !cmp.Equal(received, want[:1]) {
			t.Errorf("when the link is back: %q", received)
		}
		if diff := cmp.Diff([]string{"principal ada"}, hub.taken()); diff != "" {
			t.Error(diff)
		}
		first.Publish(revocation.OfPrincipal("bob"))
		other.expect(t, "afterwards", "principal bob")
	})
}

// The pauses between attempts grow, up to a bound, and differ from bus to bus. After
// a time that went well they are short again.
func TestPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pauses := func() []time.Duration {
			hub := newHub()
			open(t, hub)
			time.Sleep(time.Minute)
			began := time.Now()
			hub.turn(true)
			time.Sleep(time.Minute)
			var pauses []time.Duration
			for _, at := range hub.tried()[1:] {
				pauses = append(pauses, at.Sub(began))
				began = at
			}
			return pauses
		}
		first, second := pauses(), pauses()
		for i, got := range first {
			longest := min(100*time.Millisecond<<min(i, 10), 2*time.Second)
			if got < longest/2 || got > longest {
				t.Errorf("pause %d of %v is not between the half of %v and all of it", i, got, longest)
			}
		}
		if len(first) < 30 || len(first) > 60 {
			t.Errorf("%d attempts in a minute", len(first))
		}
		if slices.Equal(first, second) {
			t.Error("two buses pause alike")
		}
	})
}

// A link that breaks again and again is not taken up in a rush.
func TestFlappingLink(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub := newHub()
		_, received := open(t, hub)
		for range 600 {
			time.Sleep(100 * time.Millisecond)
			hub.turn(true)
			hub.turn(false)
		}
		if got := len(received.take()); got > 20 {
			t.Errorf("everything was revoked %d times in a minute", got)
		}
	})
}

// What cannot be published is kept, within bounds.
func TestTellWithoutEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub := newHub()
		hub.turn(true)
		bus, received := open(t, hub)
		publish := func(count int) {
			for i := range count {
				bus.Publish(revocation.OfPrincipal(strconv.Itoa(i)))
			}
			synctest.Wait()
			hub.turn(false)
			time.Sleep(10 * time.Second)
			synctest.Wait()
		}
		publish(10_000)
		if got := received.take(); slices.Contains(hub.taken(), "everything") || len(hub.taken()) != 10_000 {
			t.Errorf("of as many as are kept, %d were published, and %d came", len(hub.taken()), len(got))
		}
		hub.turn(true)
		publish(10_100)
		if got := received.take(); len(got) > 110 || !slices.Contains(hub.taken(), "everything") {
			t.Errorf("%d came: %.200q", len(got), got)
		}
	})
}

// Close publishes what is pending, and does not wait for what cannot be published.
func TestClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub := newHub()
		bus, _ := open(t, hub)
		_, other := open(t, hub)
		bus.Publish(revocation.OfPrincipal("ada"))
		bus.Close()
		other.expect(t, "after Close", "principal ada")
		bus.Publish(revocation.OfPrincipal("bob"))
		bus.Close()
		other.expect(t, "after it was closed")

		mute, _ := open(t, silent{})
		mute.Publish(revocation.OfPrincipal("ada"))
		synctest.Wait()
		began := time.Now()
		mute.Close()
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("Close took %v", took)
		}
	})
}

// silent is a link that never answers.
type silent struct{}

func (silent) Publish(ctx context.Context, _ revocation.Revocation) error {
	<-ctx.Done()
	return ctx.Err()
}

func (silent) Subscribe(ctx context.Context, _ func(revocation.Revocation)) error {
	<-ctx.Done()
	return ctx.Err()
}

// What a link was given to publish by ends with the attempt.
func TestAttemptsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub := newHub()
		bus, _ := open(t, hub)
		bus.Publish(revocation.OfPrincipal("ada"))
		synctest.Wait()
		hub.mu.Lock()
		defer hub.mu.Unlock()
		if len(hub.attempts) == 0 {
			t.Fatal("nothing was published")
		}
		for _, ctx := range hub.attempts {
			if ctx.Err() == nil {
				t.Error("the context of an attempt outlives it")
			}
		}
	})
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub := newHub()
		bus, received := open(t, hub)
		var group sync.WaitGroup
		for i := range 20 {
			group.Go(func() {
				bus.Subscribe(func(revocation.Revocation) {})
				for j := range 20 {
					bus.Publish(revocation.OfPrincipal(fmt.Sprint(i, j)))
				}
			})
		}
		group.Wait()
		synctest.Wait()
		if got := len(received.take()); got != 400 {
			t.Errorf("received %d, want 400", got)
		}
	})
}
