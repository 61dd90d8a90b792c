package revocation_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/sallyport-rpc/sallyport/authn/revocation"
	"github.com/sallyport-rpc/sallyport/internal/testservices"
)

// A bus that lost its server makes up for it.
func TestOutage(t *testing.T) {
	t.Parallel()
	eachService(t, func(t *testing.T, service service) {
		by := testservices.NewProxy(t, service.address, 0)
		near, far := newListener(t, service.dial(t, time.Second, nil)), newListener(t, service.dial(t, time.Second, by))
		near.reach(t, far)
		far.reach(t, near)

		by.Cut()
		far.bus.Publish(revocation.OfPrincipal("ada"))
		near.bus.Publish(revocation.OfPrincipal("bob")) // far is to miss it
		near.wait(t, revocation.OfPrincipal("bob"))
		began := time.Now()
		by.Open(t)
		far.wait(t, revocation.OfEverything())
		listens := time.Since(began)
		near.wait(t, revocation.OfPrincipal("ada"))
		t.Logf("%s: after an outage: it listens after %v, and what was kept is received after %v", t.Name(), listens.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
		near.reach(t, far)
	})
}

// A bus whose connection was killed is back soon.
func TestRecovery(t *testing.T) {
	t.Parallel()
	eachService(t, func(t *testing.T, service service) {
		near, far := newListener(t, service.dial(t, time.Second, nil)), newListener(t, service.dial(t, time.Second, nil))
		near.reach(t, far)
		far.reach(t, near)
		began := time.Now()
		if killed := service.kill(t); killed != 2 {
			t.Errorf("%d connections were killed", killed)
		}
		for _, end := range []*listener{near, far} {
			end.wait(t, revocation.OfEverything())
		}
		t.Logf("%s: killed and back after %v", t.Name(), time.Since(began).Round(time.Millisecond))
		near.reach(t, far)
		far.reach(t, near)
	})
}

// A listener is one process's end of a bus.
type listener struct {
	bus      *revocation.Bus
	received chan revocation.Revocation
}

func newListener(t *testing.T, link revocation.Link) *listener {
	t.Helper()
	bus, err := revocation.New(link)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
	})
	l := &listener{bus, make(chan revocation.Revocation, 10_000)}
	bus.Subscribe(func(r revocation.Revocation) { l.received <- r })
	return l
}

// wait passes over everything until the given revocation is received.
func (l *listener) wait(t *testing.T, want revocation.Revocation) {
	t.Helper()
	late := time.After(testTimeout)
	for {
		select {
		case got := <-l.received:
			if got == want {
				return
			}
		case <-late:
			t.Fatalf("%v is not received", want)
		}
	}
}

// reach tells until the other end receives it: it may not listen yet. It returns what
// the other end received of it, and nothing else is left there.
func (l *listener) reach(t *testing.T, other *listener) {
	t.Helper()
	probe := revocation.OfPrincipal("probe " + strconv.FormatInt(time.Now().UnixNano(), 36))
	late := time.After(testTimeout)
	for {
		l.bus.Publish(probe)
		select {
		case got := <-other.received:
			if got == probe {
				return
			}
		case <-time.After(50 * time.Millisecond):
		case <-late:
			t.Fatal("the other end is not reached")
		}
	}
}
