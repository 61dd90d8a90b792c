package actiontest_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	relationsv1 "github.com/sallyport-rpc/sallyport/gen/test/relations/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/relations/v1/relationsv1action"
	"github.com/sallyport-rpc/sallyport/relation"
)

// related has the handlers of actions that ask a relation engine; none of it runs in a trial.
type related struct {
	relationsv1action.DocumentServiceHandler
	relationsv1action.LibraryServiceHandler
}

func (related) EditIsOpen(context.Context, *authn.Principal, *relationsv1.DocumentRequest) (bool, error) {
	return false, nil
}

func (related) LoadDocument(context.Context, *authn.Principal, string) (*relationsv1.Document, error) {
	return nil, action.NotFound()
}

// Of actions that ask a relation engine, what it says is part of each call.
func TestDenialsByRelations(t *testing.T) {
	t.Parallel()
	registry := registering(t, func(registry *action.Registry) error {
		return errors.Join(relationsv1action.RegisterDocumentService(registry, related{}, related{}, related{}),
			relationsv1action.RegisterLibraryService(registry, related{}))
	}, action.WithRelations(actiontest.Relations{}))
	alice := authn.NewPrincipal("alice", authn.Details{Unscoped: true})
	options := []actiontest.Option{
		actiontest.WithObject("doc", &relationsv1.Document{Id: "doc", FolderId: "f"}),
		actiontest.WithObject("odd", &relationsv1.Document{Id: "odd", FolderId: "f:g"}),
		actiontest.WithSample("/test.relations.v1.DocumentService/Move", &relationsv1.DocumentRequest{DocumentId: "doc"}, alice),
	}
	tryBoth(t, registry, options...)
}

// An engine for tests knows what it was given.
func TestRelations(t *testing.T) {
	t.Parallel()
	known := relation.Query{User: "alice", Relation: "editor", Object: "document", ID: "1"}
	other := known
	other.ID = "2"
	engine := actiontest.Relations{known}
	for query, want := range map[relation.Query]bool{known: true, other: false} {
		if held, err := engine.Check(t.Context(), query); held != want || err != nil {
			t.Errorf("%v: %t, %v", query, held, err)
		}
	}
	if !engine.Defines("any", "thing") {
		t.Error("it lacks a relation")
	}
	listing := relation.Listing{User: "alice", Relation: "editor", Object: "document", Most: 1}
	engine = append(engine, relation.Query{User: "bob", Relation: "editor", Object: "document", ID: "3"},
		relation.Query{User: "alice", Relation: "viewer", Object: "document", ID: "4"}, relation.Query{User: "alice", Relation: "editor", Object: "folder", ID: "5"})
	if ids, err := engine.List(t.Context(), listing); err != nil || !slices.Equal(ids, []string{"1"}) {
		t.Errorf("it lists %q, %v", ids, err)
	}
	if ids, err := append(engine, other).List(t.Context(), listing); !errors.Is(err, relation.ErrIncomplete) || ids != nil {
		t.Errorf("it lists %q, %v, of which there are more", ids, err)
	}
}
