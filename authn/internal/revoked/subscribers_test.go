package revoked_test

import (
	"slices"
	"testing"

	"github.com/sallyport-rpc/sallyport/authn/internal/revoked"
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
