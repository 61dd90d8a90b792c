package action_test

import (
	"context"
	"testing"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	docsv1 "github.com/sallyport-rpc/sallyport/gen/test/docs/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/docs/v1/docsv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/docs/v1/docsv1client"
)

// giver loads one object, and keeps what it loaded and what its handler got.
type giver struct {
	docsv1action.DocumentServiceHandler

	loaded, got *docsv1.Document
}

func (g *giver) EditIsOpen(context.Context, *authn.Principal, *docsv1.DocumentRequest) (bool, error) {
	return true, nil
}

func (g *giver) LoadDocument(_ context.Context, _ *authn.Principal, id string) (*docsv1.Document, error) {
	g.loaded = &docsv1.Document{Id: id, OwnerId: "alice", State: docsv1.State_STATE_DRAFT}
	return g.loaded, nil
}

func (g *giver) LoadFolder(context.Context, *authn.Principal, int64) (*docsv1.Folder, error) {
	return nil, action.NotFound()
}

func (g *giver) Read(_ context.Context, call *docCall) (*docsv1.DocumentResponse, error) {
	g.got = call.Resource()
	return &docsv1.DocumentResponse{}, nil
}

// What a loader returns is copied unless the registry says that no loader keeps it, and decided
// on alike.
func TestUnsharedResources(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options []action.RegistryOption
		as      string
		same    bool
		code    connect.Code
	}{
		"by default":            {nil, "alice", false, 0},
		"unshared":              {[]action.RegistryOption{action.WithUnsharedResources()}, "alice", true, 0},
		"unshared, and another": {[]action.RegistryOption{action.WithUnsharedResources()}, "stranger", false, connect.CodePermissionDenied},
	} {
		gives := &giver{}
		sessions := authn.AuthenticatorFunc(func(context.Context, *connect.CallInfo) (*authn.Principal, error) {
			return readers[test.as], nil
		})
		registry := must(action.NewRegistry(authn.Schemes{"session": sessions}, test.options...))
		if err := docsv1action.RegisterDocumentService(registry, gives, gives, gives); err != nil {
			t.Fatal(err)
		}
		client := docsv1client.NewDocumentServiceClient(connect.NewClient(must(registry.InProcess())))
		_, err := client.Read(t.Context(), docOf("doc"))
		if err == nil && test.code != 0 || err != nil && connect.CodeOf(err) != test.code {
			t.Errorf("%s: got %v, want %v", name, err, test.code)
		}
		if gives.loaded == nil || (gives.got == gives.loaded) != test.same || (gives.got != nil) != (test.code == 0) {
			t.Errorf("%s: the handler got %p of the loaded %p", name, gives.got, gives.loaded)
		}
	}
}
