package action_test

import (
	"context"
	"testing"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	relationsv1 "github.com/sallyport-rpc/sallyport/gen/test/relations/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/relations/v1/relationsv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/relations/v1/relationsv1client"
	"github.com/sallyport-rpc/sallyport/relation"
)

// teams is a relation engine that knows who edits which document.
type teams map[string]string

func (teams) Defines(_, _ string) bool { return true }

func (t teams) Check(_ context.Context, query relation.Query) (bool, error) {
	return t[query.User] == query.ID, nil
}

// desk serves documents that are open.
type desk struct {
	relationsv1action.DocumentServiceHandler
}

func (desk) Edit(_ context.Context, call *action.Call[relationsv1.DocumentRequest]) (*relationsv1.DocumentResponse, error) {
	return &relationsv1.DocumentResponse{About: call.Message().GetDocumentId()}, nil
}

func (desk) EditIsOpen(context.Context, *authn.Principal, *relationsv1.DocumentRequest) (bool, error) {
	return true, nil
}

func (desk) LoadDocument(context.Context, *authn.Principal, string) (*relationsv1.Document, error) {
	return nil, action.NotFound()
}

// The guide's engine decides.
func TestRelationGuide(t *testing.T) {
	t.Parallel()
	callers := authn.AuthenticatorFunc(func(context.Context, *connect.CallInfo) (*authn.Principal, error) {
		return authn.NewPrincipal("ada", authn.Details{Unscoped: true}), nil
	})
	registry, err := action.NewRegistry(authn.Schemes{"test": callers}, action.WithRelations(teams{"ada": "42"}))
	if err != nil {
		t.Fatal(err)
	}
	if err := relationsv1action.RegisterDocumentService(registry, desk{}, desk{}, desk{}); err != nil {
		t.Fatal(err)
	}
	transport, err := registry.InProcess()
	if err != nil {
		t.Fatal(err)
	}
	client := relationsv1client.NewDocumentServiceClient(connect.NewClient(transport))
	if _, err := client.Edit(t.Context(), &relationsv1.DocumentRequest{DocumentId: "42"}); err != nil {
		t.Errorf("an editor is denied: %v", err)
	}
	if _, err := client.Edit(t.Context(), &relationsv1.DocumentRequest{DocumentId: "43"}); connect.CodeOf(err) != connect.CodePermissionDenied {
		t.Errorf("one who is none is answered %v", err)
	}
}

// The guide's engine for tests says what it is made of.
func TestRelationGuideOfTests(t *testing.T) {
	t.Parallel()
	engine := actiontest.Relations{{User: "ada", Relation: "editor", Object: "document", ID: "42"}}
	if held, err := engine.Check(t.Context(), relation.Query{User: "ada", Relation: "editor", Object: "document", ID: "42"}); !held || err != nil {
		t.Errorf("it says %t, %v", held, err)
	}
}
