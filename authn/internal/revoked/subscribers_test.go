package revoked_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/authn/internal/revoked"
	"github.com/sallyport-rpc/sallyport/authn/revocation"
)

// All subscribers have been called when Publish returns: what an authenticator revokes
// holds in its process once its own Revoke has returned.
func TestPublish(t *testing.T) {
	t.Parallel()
	var subscribers revoked.Subscribers
	subscribers.Join(nil)
	subscribers.Publish("early") // there is no subscriber yet
	var first, second []string
	subscribers.OnRevoke(func(id string) { first = append(first, id) })
	subscribers.OnRevoke(func(id string) { second = append(second, id) })
	for i, id := range []string{"ada", "", "bob"} {
		subscribers.Publish(id)
		want := []string{"ada", "", "bob"}[:i+1]
		if !slices.Equal(first, want) || !slices.Equal(second, want) {
			t.Errorf("after Publish(%q) the subscribers were called with %q and %q, want %q", id, first, second, want)
		}
	}
}

// A subscriber may subscribe another, and publish.
func TestPublishWithin(t *testing.T) {
	t.Parallel()
	var subscribers revoked.Subscribers
	calls, within := 0, false
	subscribers.OnRevoke(func(string) {
		if within {
			return // for what it publishes itself
		}
		within = true
		subscribers.OnRevoke(func(string) { calls++ })
		subscribers.Publish("bob")
	})
	subscribers.Publish("ada")
	if calls != 1 {
		t.Errorf("the second subscriber was called %d times, want once: for what came after it", calls)
	}
}

// wire is a link between buses: each receives what any of them publishes.
type wire struct{ others []chan revocation.Revocation }

func (w *wire) Publish(_ context.Context, revoked revocation.Revocation) error {
	for _, other := range w.others {
		other <- revoked
	}
	return nil
}

func (w *wire) Subscribe(ctx context.Context, receive func(revocation.Revocation)) error {
	own := make(chan revocation.Revocation, 10)
	w.others = append(w.others, own)
	for {
		select {
		case revoked := <-own:
			receive(revoked)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// By a bus, what one process publishes reaches the subscribers of the others: a principal
// under its id, and everything under "". The revocation of a credential reaches none of them.
func TestPublishByBus(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		link := &wire{}
		join := func() (*revoked.Subscribers, *revocation.Bus) {
			bus, err := revocation.New(link)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			subscribers := &revoked.Subscribers{}
			subscribers.Join(bus)
			return subscribers, bus
		}
		here, hereBus := join()
		defer hereBus.Close()
		there, thereBus := join()
		defer thereBus.Close()
		var received []string
		there.OnRevoke(func(id string) { received = append(received, id) })
		for _, id := range []string{"ada", "", "bob"} {
			received = nil
			here.Publish(id)
			synctest.Wait()
			if diff := cmp.Diff([]string{id}, received); diff != "" {
				t.Errorf("after Publish(%q) (-want +got):\n%s", id, diff)
			}
		}
		received = nil
		hereBus.Publish(revocation.OfCredential("secret"))
		synctest.Wait()
		if received != nil {
			t.Errorf("a credential was revoked, and the subscribers were called with %q", received)
		}
	})
}
