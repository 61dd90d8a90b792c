package apikey_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/authn/apikey"
	"github.com/sallyport-rpc/sallyport/authn/revocation"
)

func TestRevocationsAreTold(t *testing.T) {
	t.Parallel()
	store := newMemory()
	manager := newManager(t, store)
	var first, second []string
	manager.OnRevoke(func(owner string) { first = append(first, owner) })
	manager.OnRevoke(func(owner string) {
		if len(list(t, manager, owner)) > 0 && owner != "eve" {
			t.Errorf("called for %s while the key is still there", owner)
		}
		second = append(second, owner)
	})
	ada, _ := issue(t, manager, "ada")
	issue(t, manager, "bob")
	issue(t, manager, "eve")

	_ = manager.Revoke(t.Context(), "bob", ada.ID) // not bob's: nothing to publish
	_ = manager.Revoke(t.Context(), "ada", ada.ID)
	_ = manager.Revoke(t.Context(), "ada", ada.ID) // gone before
	_ = manager.RevokeAll(t.Context(), "bob")
	manager.Changed("eve")
	want := []string{"ada", "bob", "eve"}

	// Who knows what a store did that did not answer.
	store.hook(func(_ context.Context, operation string) error {
		if operation == "list" {
			return nil
		}
		return errors.New("connection reset")
	})
	_ = manager.Revoke(t.Context(), "eve", "x")
	_ = manager.RevokeAll(t.Context(), "eve")
	want = append(want, "eve", "eve")

	if diff := cmp.Diff([][]string{want, want}, [][]string{first, second}); diff != "" {
		t.Error(diff)
	}
}

// mirror is a link of a single process, which receives what it publishes.
type mirror chan revocation.Revocation

func (m mirror) Publish(_ context.Context, revoked revocation.Revocation) error {
	m <- revoked
	return nil
}

func (m mirror) Subscribe(ctx context.Context, receive func(revocation.Revocation)) error {
	for {
		select {
		case revoked := <-m:
			receive(revoked)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// A manager on a bus publishes to the others, and receives what they publish.
func TestBus(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus, err := revocation.New(make(mirror, 10))
		if err != nil {
			t.Fatal(err)
		}
		defer bus.Close()
		store := newMemory()
		manager, other := newManager(t, store, apikey.WithBus(bus)), newManager(t, store, apikey.WithBus(bus))
		var subscribed []string
		other.OnRevoke(func(owner string) { subscribed = append(subscribed, owner) })
		ada, _ := issue(t, manager, "ada")
		issue(t, manager, "bob")
		_ = manager.Revoke(t.Context(), "bob", ada.ID) // not bob's: nothing to publish
		_ = manager.Revoke(t.Context(), "ada", ada.ID)
		synctest.Wait()
		_ = manager.RevokeAll(t.Context(), "bob")
		synctest.Wait()
		manager.Changed("eve")
		synctest.Wait()
		if diff := cmp.Diff([]string{"ada", "bob", "eve"}, subscribed); diff != "" {
			t.Errorf("subscribed (-want +got):\n%s", diff)
		}
	})
}
