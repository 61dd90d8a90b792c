package actiontest_test

import (
	"context"
	"testing"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	writesv1 "github.com/sallyport-rpc/sallyport/gen/test/writes/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/writes/v1/writesv1action"
)

// desk has the handlers of actions that write; none of it runs in a trial.
type desk struct {
	writesv1action.NoteServiceHandler
}

func (desk) LoadNote(context.Context, *authn.Principal, string) (*writesv1.Note, error) {
	return nil, action.NotFound()
}

// Actions are tried with requests that write guarded fields, of callers who may and who may
// not, by masks of every form.
func TestDenialsOfWrites(t *testing.T) {
	t.Parallel()
	registry := func(schemes authn.Schemes) *action.Registry {
		registry, err := action.NewRegistry(schemes)
		if err != nil {
			t.Fatal(err)
		}
		if err := writesv1action.RegisterNoteService(registry, desk{}, desk{}); err != nil {
			t.Fatal(err)
		}
		return registry
	}
	options := []actiontest.Option{
		actiontest.WithObject("note", &writesv1.Note{Id: "note", OwnerId: "alice"}),
		actiontest.WithSample("/test.writes.v1.NoteService/Update", &writesv1.UpdateRequest{Note: &writesv1.Note{Id: "note"}},
			authn.NewPrincipal("alice", authn.Details{Unscoped: true}),
			authn.NewPrincipal("dora", authn.Details{Unscoped: true, Roles: []string{"admin"}})),
	}
	t.Run("denied", func(t *testing.T) {
		t.Parallel()
		actiontest.Denials(t, registry, options...)
	})
	t.Run("allowed", func(t *testing.T) {
		t.Parallel()
		actiontest.Allows(t, registry, options...)
	})
}
