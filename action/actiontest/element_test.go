package actiontest_test

import (
	"context"
	"testing"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	listsv1 "github.com/sallyport-rpc/sallyport/gen/test/lists/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/lists/v1/listsv1action"
)

// listing has the handlers of actions that answer with elements; none of it runs in a trial.
type listing struct {
	listsv1action.ListServiceHandler
}

func (listing) ListOfIsOpen(context.Context, *authn.Principal, *listsv1.DocumentRequest) (bool, error) {
	return false, nil
}

func (listing) LoadDocument(context.Context, *authn.Principal, string) (*listsv1.Document, error) {
	return nil, action.NotFound()
}

// Actions are tried with elements that their callers see and with others, which the trial
// makes of the rules.
func TestDenialsOfElements(t *testing.T) {
	t.Parallel()
	registry := registering(t, func(registry *action.Registry) error {
		return listsv1action.RegisterListService(registry, listing{}, listing{}, listing{})
	})
	someone := func(id string, roles ...string) *authn.Principal {
		return authn.NewPrincipal(id, authn.Details{Unscoped: true, Roles: roles})
	}
	options := []actiontest.Option{
		actiontest.WithObject("doc", &listsv1.Document{Id: "doc", OwnerId: "alice", ReaderIds: []string{"bob"}, Folder: "f"}),
		actiontest.WithObject("bobs", &listsv1.Document{Id: "bobs", OwnerId: "bob", Folder: "f"}),
		actiontest.WithSample("/test.lists.v1.ListService/ListOf", &listsv1.DocumentRequest{DocumentId: "doc", Folder: "f"},
			someone("alice"), someone("bob"), someone("carol"), someone("dora", "admin")),
	}
	tryBoth(t, registry, options...)
}
