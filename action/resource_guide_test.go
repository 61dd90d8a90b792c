package action_test

import (
	"context"
	"errors"
	"testing"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	docsv1 "github.com/sallyport-rpc/sallyport/gen/test/docs/v1"
)

// An archive loads documents and serves them, as docs/guides/resources.md shows.
type archive struct {
	documents map[string]*docsv1.Document // by id
}

func (a *archive) LoadDocument(_ context.Context, _ *authn.Principal, id string) (*docsv1.Document, error) {
	document, ok := a.documents[id]
	if !ok {
		return nil, action.NotFound()
	}
	return document, nil
}

func (a *archive) Read(_ context.Context, call *action.ResourceCall[docsv1.DocumentRequest, docsv1.Document]) (*docsv1.DocumentResponse, error) {
	return &docsv1.DocumentResponse{About: call.Resource().GetId()}, nil
}

func TestGuideArchive(t *testing.T) {
	t.Parallel()
	of := &archive{documents: map[string]*docsv1.Document{"plan": {Id: "plan", OwnerId: "ada"}}}
	ada := authn.NewPrincipal("ada", authn.Details{})
	plan, err := of.LoadDocument(t.Context(), ada, "plan")
	if err != nil {
		t.Fatal(err)
	}
	call := actiontest.NewResourceCall(t, ada, &docsv1.DocumentRequest{DocumentId: "plan"}, plan)
	if response, err := of.Read(t.Context(), call); err != nil || response.GetAbout() != "plan" {
		t.Errorf("got %v, %v", response, err)
	}
	if _, err := of.LoadDocument(t.Context(), ada, "other"); !errors.Is(err, action.NotFound()) {
		t.Errorf("what is not there: %v", err)
	}
}
