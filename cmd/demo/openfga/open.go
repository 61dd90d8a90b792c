package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	openfgav1 "github.com/openfga/api/proto/openfga/v1"
	"github.com/openfga/language/pkg/go/transformer"
	"github.com/openfga/openfga/pkg/storage/memory"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/demo"
	"github.com/sallyport-rpc/sallyport/relation/openfga"
	"github.com/sallyport-rpc/sallyport/relation/openfga/embedded"
)

// patience is how long OpenFGA may take to answer at the start, and to change tuples.
const patience = 5 * time.Second

// open opens OpenFGA in the process, where it is named memory, or by its URL.
func open(ctx context.Context, name string) (demo.Shares, func(), error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if name == "memory" {
		return inMemory(ctx)
	}
	return remote(ctx, name)
}

//go:embed model.fga
var model string

// inMemory starts an OpenFGA with the model. What it knows is gone with the process, and comes
// from the directory anew.
func inMemory(ctx context.Context) (demo.Shares, func(), error) {
	datastore := memory.New()
	server, err := embedded.New(datastore)
	if err != nil {
		datastore.Close()
		return nil, nil, err
	}
	closing := func() {
		server.Close()
		datastore.Close()
	}
	shares, err := inStore(ctx, server)
	if err != nil {
		closing()
		return nil, nil, err
	}
	return shares, closing, nil
}

// A service is what the demo asks of OpenFGA.
type service interface {
	openfga.API
	writer
}

// A maker makes stores and models.
type maker interface {
	service
	CreateStore(ctx context.Context, request *openfgav1.CreateStoreRequest) (*openfgav1.CreateStoreResponse, error)
	WriteAuthorizationModel(ctx context.Context, request *openfgav1.WriteAuthorizationModelRequest) (*openfgav1.WriteAuthorizationModelResponse, error)
}

// inStore makes a new store with the model.
func inStore(ctx context.Context, in maker) (*shares, error) {
	parsed, err := transformer.TransformDSLToProto(model)
	if err != nil {
		return nil, err
	}
	store, err := in.CreateStore(ctx, &openfgav1.CreateStoreRequest{Name: "demo"})
	if err != nil {
		return nil, err
	}
	written, err := in.WriteAuthorizationModel(ctx, &openfgav1.WriteAuthorizationModelRequest{
		StoreId: store.GetId(), TypeDefinitions: parsed.GetTypeDefinitions(), SchemaVersion: parsed.GetSchemaVersion(),
	})
	if err != nil {
		return nil, err
	}
	return newShares(ctx, in, store.GetId(), written.GetAuthorizationModelId())
}

// remote asks the server at a URL about the store and the model that it names.
func remote(ctx context.Context, name string) (demo.Shares, func(), error) {
	address, store, model, err := parse(name)
	if err != nil {
		return nil, nil, err
	}
	secure := credentials.NewTLS(nil)
	if address.Scheme == "grpc" {
		secure = insecure.NewCredentials()
	}
	connection, err := grpc.NewClient("dns:///"+address.Host, grpc.WithTransportCredentials(secure))
	if err != nil {
		return nil, nil, err
	}
	closing := func() { _ = connection.Close() }
	shares, err := newShares(ctx, struct {
		openfga.API
		writer
	}{openfga.Remote(connection), remoteWriter{openfgav1.NewOpenFGAServiceClient(connection)}}, store, model)
	if err != nil {
		closing()
		return nil, nil, err
	}
	return shares, closing, nil
}

// parse reads a URL such as grpc://127.0.0.1:8081/STORE/MODEL. Answers that others could change
// on their way decide nothing: without TLS it is on this machine.
func parse(name string) (address *url.URL, store, model string, err error) {
	const form = "name memory, or a URL such as grpcs://openfga.example:8081/STORE/MODEL"
	address, err = url.Parse(name)
	if err != nil || address.Scheme != "grpc" && address.Scheme != "grpcs" || address.Port() == "" || address.User != nil || address.RawQuery != "" {
		return nil, "", "", errors.New("no OpenFGA: " + form)
	}
	store, model, found := strings.Cut(strings.Trim(address.Path, "/"), "/")
	if !found || store == "" || model == "" || strings.Contains(model, "/") {
		return nil, "", "", errors.New("no store and model, by their ids: " + form)
	}
	if host := address.Hostname(); address.Scheme == "grpc" && host != "localhost" {
		if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
			return nil, "", "", fmt.Errorf("%s is another machine, and grpc does not encrypt: use grpcs", host)
		}
	}
	return address, store, model, nil
}
