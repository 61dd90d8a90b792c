package actiontest_test

import (
	"context"
	"testing"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

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
	registry := registering(t, func(registry *action.Registry) error {
		return writesv1action.RegisterNoteService(registry, desk{}, desk{})
	})
	options := []actiontest.Option{
		actiontest.WithObject("note", &writesv1.Note{Id: "note", OwnerId: "alice"}),
		actiontest.WithSample("/test.writes.v1.NoteService/Update", &writesv1.UpdateRequest{Note: &writesv1.Note{Id: "note"}},
			authn.NewPrincipal("alice", authn.Details{Unscoped: true}),
			authn.NewPrincipal("dora", authn.Details{Unscoped: true, Roles: []string{"admin"}})),
	}
	tryBoth(t, registry, options...)
}

// post has the handlers of actions that write letters; none of it runs in a trial.
type post struct {
	writesv1action.LetterServiceHandler
}

// Who may write what they do not read does not empty it by sending nothing for it.
func TestDenialsOfWritesBack(t *testing.T) {
	t.Parallel()
	registry := registering(t, func(registry *action.Registry) error {
		return writesv1action.RegisterLetterService(registry, post{})
	})
	callers := []*authn.Principal{
		authn.NewPrincipal("alice", authn.Details{Unscoped: true, Roles: []string{"admin"}}),
		authn.NewPrincipal("bob", authn.Details{Unscoped: true, Roles: []string{"admin"}}),
	}
	options := []actiontest.Option{
		actiontest.WithSample("/test.writes.v1.LetterService/Replace", &writesv1.LetterRequest{Letter: &writesv1.Letter{Title: "t"}}, callers...),
		actiontest.WithSample("/test.writes.v1.LetterService/Change", &writesv1.ChangeLetterRequest{Letter: &writesv1.Letter{Title: "t"}}, callers...),
	}
	tryBoth(t, registry, options...)
}

// bank has the handlers of actions that fill a vault; none of it runs in a trial.
type bank struct {
	writesv1action.VaultServiceHandler
}

func (bank) LoadBox(context.Context, *authn.Principal, string) (*writesv1.Box, error) {
	return nil, action.NotFound()
}

// Where everyone who is let in may read or write a field, there is no call of one who may not,
// and none is asked for.
func TestDenialsWhereAllMay(t *testing.T) {
	t.Parallel()
	registry := registering(t, func(registry *action.Registry) error {
		return writesv1action.RegisterVaultService(registry, bank{}, bank{})
	})
	options := []actiontest.Option{
		actiontest.WithObject("box", &writesv1.Box{Id: "box", OwnerId: "alice"}),
		actiontest.WithSample("/test.writes.v1.VaultService/FillBox", &writesv1.FillBoxRequest{Box: &writesv1.Box{Id: "box"}},
			authn.NewPrincipal("alice", authn.Details{Unscoped: true})),
	}
	tryBoth(t, registry, options...)
}

// rack has the handlers of actions that move cards; none of it runs in a trial.
type rack struct {
	writesv1action.CardServiceHandler
}

func (rack) LoadCard(context.Context, *authn.Principal, string) (*writesv1.Card, error) {
	return nil, action.NotFound()
}

// A sample is taken for what no trial would think of, and a mask is made that breaks its rule.
func TestDenialsOfWritesBySample(t *testing.T) {
	t.Parallel()
	registry := registering(t, func(registry *action.Registry) error {
		return writesv1action.RegisterCardService(registry, rack{}, rack{})
	})
	alice := authn.NewPrincipal("alice", authn.Details{Unscoped: true})
	sample := func(card *writesv1.Card, paths ...string) actiontest.Option {
		return actiontest.WithSample("/test.writes.v1.CardService/Move",
			&writesv1.MoveRequest{Card: card, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths}}, alice)
	}
	options := []actiontest.Option{
		actiontest.WithObject("card", &writesv1.Card{Id: "card", OwnerId: "alice"}), sample(&writesv1.Card{Id: "card"}),
		sample(&writesv1.Card{Id: "card", Shelf: "the shelf beside the window of the hall"}, "shelf"),
	}
	tryBoth(t, registry, options...)
}
