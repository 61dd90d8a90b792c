package action_test

import (
	"testing"
	"testing/synctest"

	"connectrpc.com/connect/v2"
	"github.com/sallyport-rpc/sallyport/authn"
)

// TestEndedStreamsAreLetGo opens streams of two callers and ends them one by one. The
// registry holds those that live.
func TestEndedStreamsAreLetGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRechecking(t)
		expect := func(principals, streams int) {
			t.Helper()
			synctest.Wait()
			if gotPrincipals, gotStreams := r.registry.LiveStreams(); gotPrincipals != principals || gotStreams != streams {
				t.Errorf("it holds %d streams of %d principals, want %d of %d", gotStreams, gotPrincipals, streams, principals)
			}
		}
		first, second := r.serve(t, stream("ChatOpen")), r.serve(t, stream("CollectOpen"))
		anonymous := r.serve(t, stream("ChatPublicOpen"))
		synctest.Wait()
		r.authority.set(finds(authn.NewPrincipal("bob", authn.Details{Unscoped: true, Roles: []string{"editor"}})))
		other := r.serve(t, stream("ChatOpen"))
		expect(2, 3)
		close(first.in)
		expect(2, 2)
		close(second.in)
		expect(1, 1)
		r.authority.set(finds(nil))
		r.registry.Recheck("alice") // whose streams have ended
		expect(1, 1)
		r.registry.Recheck("")
		expect(0, 0)
		other.expectEnd(t, connect.CodeUnauthenticated)
		anonymous.expectEnd(t, 0)
		close(anonymous.in)
	})
}
