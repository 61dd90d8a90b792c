package openfga_test

import (
	"context"
	"testing"

	"connectrpc.com/connect/v2"
	"github.com/openfga/openfga/pkg/storage/memory"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	relationsv1 "github.com/sallyport-rpc/sallyport/gen/test/relations/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/relations/v1/relationsv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/relations/v1/relationsv1client"
	"github.com/sallyport-rpc/sallyport/relation/openfga"
	"github.com/sallyport-rpc/sallyport/relation/openfga/embedded"
)

// remoteEngine asks an OpenFGA server that runs elsewhere.
func remoteEngine(ctx context.Context, address, storeID, modelID string) (*openfga.Engine, error) {
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(credentials.NewTLS(nil)))
	if err != nil {
		return nil, err
	}
	return openfga.New(ctx, openfga.Remote(connection), storeID, modelID)
}

// embeddedEngine asks an OpenFGA server in the process, which keeps what it knows in a file.
func embeddedEngine(ctx context.Context, path, storeID, modelID string) (*openfga.Engine, error) {
	datastore, err := embedded.SQLite(path)
	if err != nil {
		return nil, err
	}
	server, err := embedded.New(datastore)
	if err != nil {
		return nil, err
	}
	return openfga.New(ctx, server, storeID, modelID)
}

// The guide's engines need a store: what is not there is found at start-up.
func TestGuide(t *testing.T) {
	t.Parallel()
	const store = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
	if _, err := embeddedEngine(t.Context(), t.TempDir()+"/openfga.db", store, store); err == nil {
		t.Error("an engine was made of a store that is not there")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := remoteEngine(ctx, "127.0.0.1:1", store, store); err == nil {
		t.Error("an engine was made of a server that is not there")
	}
}

// desk serves documents.
type desk struct {
	relationsv1action.DocumentServiceHandler
}

func (desk) Edit(context.Context, *action.Call[relationsv1.DocumentRequest]) (*relationsv1.DocumentResponse, error) {
	return &relationsv1.DocumentResponse{}, nil
}

func (desk) EditIsOpen(context.Context, *authn.Principal, *relationsv1.DocumentRequest) (bool, error) {
	return true, nil
}

func (desk) LoadDocument(context.Context, *authn.Principal, string) (*relationsv1.Document, error) {
	return nil, action.NotFound()
}

// A registry decides calls by OpenFGA, and takes no action whose relation the model lacks.
func TestRegistry(t *testing.T) {
	t.Parallel()
	a := newAPI(t, memory.New(), true)
	a.write(t, "", "user:ada", "editor", "document:1")
	engine, err := openfga.New(t.Context(), a, a.store, a.model)
	if err != nil {
		t.Fatal(err)
	}
	caller := authn.AuthenticatorFunc(func(context.Context, *connect.CallInfo) (*authn.Principal, error) {
		return authn.NewPrincipal("ada", authn.Details{Unscoped: true}), nil
	})
	registry, err := action.NewRegistry(authn.Schemes{"test": caller}, action.WithRelations(engine))
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
	if _, err := client.Edit(t.Context(), &relationsv1.DocumentRequest{DocumentId: "1"}); err != nil {
		t.Errorf("an editor is denied: %v", err)
	}
	if _, err := client.Edit(t.Context(), &relationsv1.DocumentRequest{DocumentId: "2"}); connect.CodeOf(err) != connect.CodePermissionDenied {
		t.Errorf("one who is none is answered %v", err)
	}
}
