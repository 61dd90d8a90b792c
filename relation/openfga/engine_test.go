package openfga_test

import (
	"context"
	"errors"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	openfgav1 "github.com/openfga/api/proto/openfga/v1"
	"github.com/openfga/language/pkg/go/transformer"
	"github.com/openfga/openfga/pkg/storage"
	"github.com/openfga/openfga/pkg/storage/memory"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/relation"
	"github.com/sallyport-rpc/sallyport/relation/openfga"
	"github.com/sallyport-rpc/sallyport/relation/openfga/embedded"
)

const model = `model
  schema 1.1
type user
type team
  relations
    define member: [user]
type folder
  relations
    define owner: [user]
type document
  relations
    define owner: [user]
    define editor: [user, team#member] or owner
    define viewer: [user, user:*, user with in_hours] or editor
condition in_hours(hour: int) {
  hour < 18
}
`

// An api is an OpenFGA server, and what writes to it.
type api struct {
	openfga.API

	server openfgav1.OpenFGAServiceServer
	store  string
	model  string
}

// newAPI serves the model from a datastore, and lets an engine ask by a connection where it
// is to be remote.
func newAPI(t *testing.T, datastore storage.OpenFGADatastore, remote bool) *api {
	t.Helper()
	t.Cleanup(datastore.Close)
	server, err := embedded.New(datastore)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	a := &api{API: server, server: server}
	store, err := server.CreateStore(t.Context(), &openfgav1.CreateStoreRequest{Name: "docs"})
	if err != nil {
		t.Fatal(err)
	}
	a.store = store.GetId()
	parsed, err := transformer.TransformDSLToProto(model)
	if err != nil {
		t.Fatal(err)
	}
	written, err := server.WriteAuthorizationModel(t.Context(), &openfgav1.WriteAuthorizationModelRequest{
		StoreId: a.store, TypeDefinitions: parsed.GetTypeDefinitions(), SchemaVersion: parsed.GetSchemaVersion(), Conditions: parsed.GetConditions(),
	})
	if err != nil {
		t.Fatal(err)
	}
	a.model = written.GetAuthorizationModelId()
	if !remote {
		return a
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serves := grpc.NewServer()
	openfgav1.RegisterOpenFGAServiceServer(serves, server)
	done := make(chan error, 1)
	go func() { done <- serves.Serve(listener) }()
	connection, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = connection.Close()
		serves.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	a.API = openfga.Remote(connection)
	return a
}

func (a *api) write(t *testing.T, condition, user, name, object string) {
	t.Helper()
	key := &openfgav1.TupleKey{User: user, Relation: name, Object: object}
	if condition != "" {
		key.Condition = &openfgav1.RelationshipCondition{Name: condition}
	}
	_, err := a.server.Write(t.Context(), &openfgav1.WriteRequest{
		StoreId: a.store, AuthorizationModelId: a.model, Writes: &openfgav1.WriteRequestWrites{TupleKeys: []*openfgav1.TupleKey{key}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (a *api) remove(t *testing.T, user, name, object string) {
	t.Helper()
	_, err := a.server.Write(t.Context(), &openfgav1.WriteRequest{
		StoreId: a.store, AuthorizationModelId: a.model, Deletes: &openfgav1.WriteRequestDeletes{
			TupleKeys: []*openfgav1.TupleKeyWithoutCondition{{User: user, Relation: name, Object: object}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func ask(user, name, id string) relation.Query {
	return relation.Query{User: user, Relation: name, Object: "document", ID: id}
}

// OpenFGA decides, wherever it is and wherever it keeps what it knows.
func TestEngine(t *testing.T) {
	t.Parallel()
	for name, of := range map[string]struct{ file, remote bool }{
		"memory": {}, "SQLite": {file: true}, "remote": {remote: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			datastore := memory.New()
			if of.file {
				var err error
				if datastore, err = embedded.SQLite(filepath.Join(t.TempDir(), "openfga.db")); err != nil {
					t.Fatal(err)
				}
			}
			a := newAPI(t, datastore, of.remote)
			engine, err := openfga.New(t.Context(), a, a.store, a.model)
			if err != nil {
				t.Fatal(err)
			}
			a.write(t, "", "user:ada", "owner", "document:1")
			a.write(t, "", "user:bob", "member", "team:a")
			a.write(t, "", "team:a#member", "editor", "document:1")
			a.write(t, "in_hours", "user:cyd", "viewer", "document:1")
			a.write(t, "", "user:*", "viewer", "document:2")
			answers := map[relation.Query]bool{
				ask("ada", "owner", "1"): true, ask("ada", "editor", "1"): true, ask("ada", "viewer", "1"): true, ask("ada", "owner", "2"): false,
				ask("bob", "editor", "1"): true, ask("bob", "owner", "1"): false, ask("dan", "viewer", "1"): false, ask("dan", "viewer", "2"): true,
				ask("cyd", "viewer", "1"):                                  false, // under a condition
				ask("ada", "owner", strings.Repeat("1", 300)):              false, // no id of OpenFGA
				ask(strings.Repeat("a", 600), "viewer", "2"):               false,
				{User: "bob", Relation: "member", Object: "team", ID: "a"}: true,
			}
			for query, want := range answers {
				if got, err := engine.Check(t.Context(), query); got != want || err != nil {
					t.Errorf("%.60v: %t, %v, want %t", query, got, err, want)
				}
			}
			for _, most := range []int{1, 5, len(answers), 50} {
				engine, err := openfga.New(t.Context(), a, a.store, a.model, openfga.WithMostChecks(most))
				if err != nil {
					t.Fatal(err)
				}
				queries := slices.Collect(maps.Keys(answers))
				held, err := engine.CheckAll(t.Context(), queries)
				if err != nil || len(held) != len(queries) {
					t.Fatalf("at once, %d by one request: %t, %v", most, held, err)
				}
				for i, query := range queries {
					if held[i] != answers[query] {
						t.Errorf("at once, %d by one request: %.60v: %t, want %t", most, query, held[i], answers[query])
					}
				}
			}
			a.remove(t, "user:bob", "member", "team:a")
			if held, err := engine.Check(t.Context(), ask("bob", "editor", "1")); held || err != nil {
				t.Errorf("what was taken away holds: %t, %v", held, err)
			}
		})
	}
}

// The model is the one that is named, and what it lacks is not defined.
func TestModelIsPinned(t *testing.T) {
	t.Parallel()
	a := newAPI(t, memory.New(), false)
	engine, err := openfga.New(t.Context(), a, a.store, a.model)
	if err != nil {
		t.Fatal(err)
	}
	for of, want := range map[[2]string]bool{
		{"editor", "document"}: true, {"member", "team"}: true, {"editor", "team"}: false, {"edit", "document"}: false, {"editor", "folder"}: false,
	} {
		if engine.Defines(of[0], of[1]) != want {
			t.Errorf("it defines %v: %t", of, !want)
		}
	}
	for name, test := range map[string]struct {
		api          openfga.API
		store, model string
		options      []openfga.Option
	}{
		"no api": {nil, a.store, a.model, nil}, "no store": {a, "", a.model, nil}, "no model": {a, a.store, "", nil},
		"another model": {a, a.store, "01ARZ3NDEKTSV4RRFFQ69G5FAV", nil}, "another store": {a, "01ARZ3NDEKTSV4RRFFQ69G5FAV", a.model, nil},
		"no such user": {a, a.store, a.model, []openfga.Option{openfga.WithUserType("employee")}}, "a nil option": {a, a.store, a.model, []openfga.Option{nil}},
	} {
		if _, err := openfga.New(t.Context(), test.api, test.store, test.model, test.options...); err == nil {
			t.Errorf("%s: it was made", name)
		}
	}
	if held, err := new(openfga.Engine).Check(t.Context(), ask("ada", "owner", "1")); held || err == nil {
		t.Errorf("the zero engine says %t, %v", held, err)
	}
}

// failing answers with an error, and notes what it was asked.
type failing struct {
	*api

	err   error
	asked *openfgav1.CheckRequest
}

func (f *failing) Check(_ context.Context, request *openfgav1.CheckRequest) (*openfgav1.CheckResponse, error) {
	f.asked = request
	return &openfgav1.CheckResponse{Allowed: true}, f.err
}

// What OpenFGA cannot say is no yes. An outage is unavailable.
func TestFailures(t *testing.T) {
	t.Parallel()
	a := newAPI(t, memory.New(), false)
	for name, test := range map[string]struct {
		err         error
		unavailable bool
	}{
		"no connection":  {status.Error(codes.Unavailable, "x"), true},
		"late":           {status.Error(codes.DeadlineExceeded, "x"), true},
		"its database":   {status.Error(codes.Code(openfgav1.InternalErrorCode_internal_error), "x"), true},
		"throttled":      {status.Error(codes.Code(openfgav1.UnprocessableContentErrorCode_throttled_timeout_error), "x"), true},
		"not understood": {status.Error(codes.Code(openfgav1.ErrorCode_validation_error), "x"), false},
		"no such store":  {status.Error(codes.Code(openfgav1.NotFoundErrorCode_store_id_not_found), "x"), false},
		"no credential":  {status.Error(codes.Code(openfgav1.AuthErrorCode_bearer_token_missing), "x"), false},
		"another error":  {errors.New("x"), false},
	} {
		f := &failing{api: a, err: test.err}
		engine, err := openfga.New(t.Context(), f, a.store, a.model)
		if err != nil {
			t.Fatal(err)
		}
		held, err := engine.Check(t.Context(), ask("ada", "owner", "1"))
		if held || err == nil || errors.Is(err, authn.ErrUnavailable) != test.unavailable {
			t.Errorf("%s: %t, %v", name, held, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := engine.Check(ctx, ask("ada", "owner", "1")); !errors.Is(err, context.Canceled) {
			t.Errorf("%s, of one who left: %v", name, err)
		}
	}
}

// Answers are asked with higher consistency, of the model that is pinned, without tuples of
// the caller's, unless an option says else.
func TestWhatIsAsked(t *testing.T) {
	t.Parallel()
	a := newAPI(t, memory.New(), false)
	for consistency, options := range map[openfgav1.ConsistencyPreference][]openfga.Option{
		openfgav1.ConsistencyPreference_HIGHER_CONSISTENCY: nil,
		openfgav1.ConsistencyPreference_MINIMIZE_LATENCY:   {openfga.WithMinimizeLatency()},
	} {
		f := &failing{api: a}
		engine, err := openfga.New(t.Context(), f, a.store, a.model, options...)
		if err != nil {
			t.Fatal(err)
		}
		if held, err := engine.Check(t.Context(), ask("ada", "owner", "1")); !held || err != nil {
			t.Errorf("%t, %v", held, err)
		}
		if f.asked.GetConsistency() != consistency || f.asked.GetAuthorizationModelId() != a.model || f.asked.GetStoreId() != a.store ||
			f.asked.GetContextualTuples() != nil || f.asked.GetContext() != nil {
			t.Errorf("asked %v", f.asked)
		}
	}
}
