package action_test

import (
	"testing"

	"connectrpc.com/connect/v2"
	"github.com/google/go-cmp/cmp"

	docsv1 "github.com/sallyport-rpc/sallyport/gen/test/docs/v1"
)

// TestShadowAboutResource has a shadow read what an action is about: by every way in it is
// decided on the object that was loaded once, as it was then, and what is not there leaves it
// undecided.
func TestShadowAboutResource(t *testing.T) {
	t.Parallel()
	h := newDocsFixture(t)
	h.registry.WaitForShadows()
	seen := &shadowsSeen{}
	h.registry.Observe(seen)
	h.library.set(
		&docsv1.Document{Id: "shared", OwnerId: "alice", ReaderIds: []string{"alice", "bob"}, State: docsv1.State_STATE_PUBLISHED},
		&docsv1.Document{Id: "unshared", OwnerId: "alice", State: docsv1.State_STATE_PUBLISHED},
	)
	h.library.handle = func(document *docsv1.Document) { document.ReaderIds = nil } // which is the handler's alone
	for _, test := range []struct {
		name, as, id string
		code         connect.Code // 0 where the caller is let in
		observed     string
	}{
		{"lets in, would allow", "alice", "shared", 0, "allow same"},
		{"lets in, would deny", "alice", "unshared", 0, "allow would_deny"},
		{"lets in a draft, would deny", "alice", "doc", 0, "allow would_deny"},
		{"denies, would allow", "bob", "shared", connect.CodePermissionDenied, "deny would_allow"},
		{"denies, would deny", "bob", "unshared", connect.CodePermissionDenied, "deny same"},
		{"not there", "alice", "gone", connect.CodePermissionDenied, "deny undecided"},
	} {
		for _, way := range h.ways {
			before := h.library.stored()
			_, err := h.call(t, way, docs("Tried"), test.as, docOf(test.id))
			if (err == nil) != (test.code == 0) || err != nil && connect.CodeOf(err) != test.code {
				t.Errorf("%s, by %s: it ended with %v, want %v", test.name, way.name, err, test.code)
			}
			if diff := cmp.Diff([]string{test.observed}, seen.take()); diff != "" {
				t.Errorf("%s, by %s, observed: -want +got\n%s", test.name, way.name, diff)
			}
			if after := h.library.stored(); len(before) != len(after) || len(after["shared"].GetReaderIds()) != 2 {
				t.Errorf("%s, by %s: what is stored has changed: %v", test.name, way.name, after)
			}
		}
	}
}
