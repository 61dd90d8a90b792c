package main

import (
	"context"
	"net"
	"os"
	"testing"

	openfgav1 "github.com/openfga/api/proto/openfga/v1"
	"github.com/openfga/language/pkg/go/transformer"
	"github.com/openfga/openfga/pkg/server"
	"github.com/openfga/openfga/pkg/storage/memory"
	"google.golang.org/grpc"

	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/demo"
	"github.com/sallyport-rpc/sallyport/relation/openfga/embedded"
)

// asProgram is set in the environment to make the test binary run the demo.
const asProgram = "DEMO_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// A served is an OpenFGA server that listens on this machine.
type served struct {
	*server.Server

	address string
	stop    func()
}

func serve(t *testing.T) *served {
	t.Helper()
	datastore := memory.New()
	t.Cleanup(datastore.Close)
	in, err := embedded.New(datastore)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(in.Close)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serves := grpc.NewServer()
	openfgav1.RegisterOpenFGAServiceServer(serves, in)
	done := make(chan error, 1)
	go func() { done <- serves.Serve(listener) }()
	stop := func() { serves.Stop() }
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return &served{in, listener.Addr().String(), stop}
}

// store makes a store with a model, and returns the URL of both.
func (s *served) store(t *testing.T, model string) string {
	t.Helper()
	parsed, err := transformer.TransformDSLToProto(model)
	if err != nil {
		t.Fatal(err)
	}
	store, err := s.CreateStore(t.Context(), &openfgav1.CreateStoreRequest{Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	written, err := s.WriteAuthorizationModel(t.Context(), &openfgav1.WriteAuthorizationModelRequest{
		StoreId: store.GetId(), TypeDefinitions: parsed.GetTypeDefinitions(), SchemaVersion: parsed.GetSchemaVersion(), Conditions: parsed.GetConditions(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return "grpc://" + s.address + "/" + store.GetId() + "/" + written.GetAuthorizationModelId()
}

// opened opens OpenFGA until the test ends.
func opened(t *testing.T, name string) *shares {
	t.Helper()
	opened, closing, err := open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(closing)
	return opened.(*shares)
}

// written are the tuples of a store that are about documents.
func written(t *testing.T, in *shares, id string) []string {
	t.Helper()
	found, err := in.tuples.read(context.WithoutCancel(t.Context()), &openfgav1.ReadRequestTupleKey{Relation: viewer, Object: documents + id})
	if err != nil {
		t.Fatal(err)
	}
	var users []string
	for _, key := range found {
		users = append(users, key.GetUser())
	}
	return users
}

var _ demo.Opener = open
