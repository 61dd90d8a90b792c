package actiontest_test

import (
	"context"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	docsv1 "github.com/sallyport-rpc/sallyport/gen/test/docs/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/docs/v1/docsv1action"
)

// shelf has the handlers, checks and loaders of the documents; none of them runs in a trial.
type shelf struct {
	docsv1action.DocumentServiceHandler

	t *testing.T
}

func (s shelf) EditIsOpen(context.Context, *authn.Principal, *docsv1.DocumentRequest) (bool, error) {
	s.t.Error("the check of the registry ran")
	return true, nil
}

func (s shelf) LoadDocument(context.Context, *authn.Principal, string) (*docsv1.Document, error) {
	s.t.Error("the loader of the registry ran")
	return nil, action.NotFound()
}

func (s shelf) LoadFolder(context.Context, *authn.Principal, int64) (*docsv1.Folder, error) {
	s.t.Error("the loader of the registry ran")
	return nil, action.NotFound()
}

// shelved registers the documents. docs/guides/resources.md shows this file, so that it has
// all it needs.
func shelved(t *testing.T) func(authn.Schemes) *action.Registry {
	t.Helper()
	return func(schemes authn.Schemes) *action.Registry {
		registry, err := action.NewRegistry(schemes)
		if err != nil {
			t.Fatal(err)
		}
		if err := docsv1action.RegisterDocumentService(registry, shelf{t: t}, shelf{t: t}, shelf{t: t}); err != nil {
			t.Fatal(err)
		}
		return registry
	}
}

// Actions that are about objects are tried with those that the test gives: those of the
// caller, those of others, and one that is not there.
func TestDenialsAboutObjects(t *testing.T) {
	t.Parallel()
	someone := func(id string, roles ...string) *authn.Principal {
		return authn.NewPrincipal(id, authn.Details{Unscoped: true, Roles: roles})
	}
	options := []actiontest.Option{
		actiontest.WithObject("doc", &docsv1.Document{Id: "doc", OwnerId: "alice", ReaderIds: []string{"bob"}, State: docsv1.State_STATE_DRAFT, Folder: "f"}),
		actiontest.WithObject("bobs", &docsv1.Document{Id: "bobs", OwnerId: "bob"}),
		actiontest.WithObject(int64(7), &docsv1.Folder{Number: 7, OwnerId: "alice"}),
		actiontest.WithObject(int64(8), &docsv1.Folder{Number: 8, OwnerId: "bob"}),
		actiontest.WithSample("/test.docs.v1.DocumentService/Open", &docsv1.FolderRequest{Number: 7}, someone("alice"), someone("bob")),
	}
	for _, method := range []string{"Read", "ReadConcealed", "Edit", "Tried", "Watch", "Collect", "Chat"} {
		options = append(options, actiontest.WithSample("/test.docs.v1.DocumentService/"+method,
			&docsv1.DocumentRequest{DocumentId: "doc", Folder: "f"}, someone("alice"), someone("bob"), someone("carol"), someone("dora", "admin")))
	}
	t.Run("denied", func(t *testing.T) {
		t.Parallel()
		actiontest.Denials(t, shelved(t), options...)
	})
	t.Run("allowed", func(t *testing.T) {
		t.Parallel()
		actiontest.Allows(t, shelved(t), options...)
	})
}

// A handler is tested with the object that its call is about.
func TestNewResourceCall(t *testing.T) {
	t.Parallel()
	doc := &docsv1.Document{Id: "doc"}
	call := actiontest.NewResourceCall(t, authn.NewPrincipal("alice", authn.Details{}), &docsv1.DocumentRequest{DocumentId: "doc"}, doc)
	if call.Resource() != doc || call.Principal().ID() != "alice" || !proto.Equal(call.Message(), &docsv1.DocumentRequest{DocumentId: "doc"}) {
		t.Errorf("the call has %v of %v", call.Resource(), call.Principal())
	}
}
