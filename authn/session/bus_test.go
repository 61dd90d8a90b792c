package session_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/authn/revocation"
	"github.com/sallyport-rpc/sallyport/authn/session"
)

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

// A manager publishes its own revocations on the bus, receives those of others, and
// does not publish these again, which would never end.
func TestBus(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		link := make(mirror, 10)
		bus, err := revocation.New(link)
		if err != nil {
			t.Fatal(err)
		}
		defer bus.Close()
		store := newRecorder()
		manager, other := newManager(t, store, session.WithBus(bus)), newManager(t, store, session.WithBus(bus))
		var published, received []string
		bus.Subscribe(func(revoked revocation.Revocation) { published = append(published, revoked.String()) })
		other.OnRevoke(func(userID string) { received = append(received, userID) })

		token := start(t, manager, "ada")
		within(t, bearer(token), manager.End)
		synctest.Wait()
		_ = manager.EndAll(t.Context(), "bob")
		synctest.Wait()
		manager.Changed("cyd")
		synctest.Wait()
		link <- revocation.OfEverything()
		link <- revocation.OfCredential("s3cr3t")
		synctest.Wait()

		if diff := cmp.Diff([]string{"ada", "bob", "cyd", ""}, received); diff != "" {
			t.Errorf("received (-want +got):\n%s", diff)
		}
		want := []string{
			`{"principal":"ada"}`, `{"principal":"bob"}`, `{"principal":"cyd"}`,
			revocation.OfEverything().String(), revocation.OfCredential("s3cr3t").String(),
		}
		if diff := cmp.Diff(want, published); diff != "" {
			t.Errorf("published (-want +got):\n%s", diff)
		}
	})
}
