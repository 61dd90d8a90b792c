package openfga

import (
	"context"
	"errors"
	"fmt"

	openfgav1 "github.com/openfga/api/proto/openfga/v1"
	"google.golang.org/grpc"

	"github.com/sallyport-rpc/sallyport/relation"
)

// An API is what an engine asks of OpenFGA. A server in the process is one, and [Remote]
// makes one of a connection.
type API interface {
	Check(ctx context.Context, request *openfgav1.CheckRequest) (*openfgav1.CheckResponse, error)
	BatchCheck(ctx context.Context, request *openfgav1.BatchCheckRequest) (*openfgav1.BatchCheckResponse, error)
	ListObjects(ctx context.Context, request *openfgav1.ListObjectsRequest) (*openfgav1.ListObjectsResponse, error)
	ReadAuthorizationModel(ctx context.Context, request *openfgav1.ReadAuthorizationModelRequest) (*openfgav1.ReadAuthorizationModelResponse, error)
}

// Remote returns the API of an OpenFGA server by a connection, which stays the caller's.
// Credentials and deadlines are those of the connection.
func Remote(connection grpc.ClientConnInterface) API {
	return remote{openfgav1.NewOpenFGAServiceClient(connection)}
}

type remote struct {
	client openfgav1.OpenFGAServiceClient
}

func (r remote) Check(ctx context.Context, request *openfgav1.CheckRequest) (*openfgav1.CheckResponse, error) {
	return r.client.Check(ctx, request)
}

func (r remote) BatchCheck(ctx context.Context, request *openfgav1.BatchCheckRequest) (*openfgav1.BatchCheckResponse, error) {
	return r.client.BatchCheck(ctx, request)
}

func (r remote) ListObjects(ctx context.Context, request *openfgav1.ListObjectsRequest) (*openfgav1.ListObjectsResponse, error) {
	return r.client.ListObjects(ctx, request)
}

func (r remote) ReadAuthorizationModel(ctx context.Context, request *openfgav1.ReadAuthorizationModelRequest) (*openfgav1.ReadAuthorizationModelResponse, error) {
	return r.client.ReadAuthorizationModel(ctx, request)
}

// An Engine asks OpenFGA about one model of one store. Make one with [New]; the zero Engine
// defines nothing and answers with errors. It is safe for concurrent use.
type Engine struct {
	api             API
	store, model    string
	userType        string
	consistency     openfgav1.ConsistencyPreference
	limits          listLimits
	mostChecks      int // in one request
	relations       map[defined]bool
	typesOfTheModel map[string]bool
}

// A defined is a relation on objects of a type.
type defined struct{ relation, object string }

var (
	_ relation.Lister  = (*Engine)(nil)
	_ relation.Batcher = (*Engine)(nil)
)

// An Option changes what [New] makes.
type Option interface{ apply(*Engine) }

type option func(*Engine)

func (o option) apply(e *Engine) { o(e) }

// WithUserType sets the type of the model that principals are of. The default is "user".
func WithUserType(name string) Option { return option(func(e *Engine) { e.userType = name }) }

// WithMinimizeLatency lets OpenFGA answer from what it has cached, where its operator has
// switched that on: a relation that was taken away may hold for as long as that keeps it.
// The default asks for higher consistency.
func WithMinimizeLatency() Option {
	return option(func(e *Engine) { e.consistency = openfgav1.ConsistencyPreference_MINIMIZE_LATENCY })
}

// New returns an engine that asks about a model of a store, both by their ids. It reads the
// model, and fails where there is none, and where the type of users is not in it.
func New(ctx context.Context, api API, storeID, modelID string, options ...Option) (*Engine, error) {
	if api == nil || storeID == "" || modelID == "" {
		return nil, errors.New("openfga: an engine needs an API, a store and a model: no model is taken for the latest one")
	}
	e := &Engine{
		api: api, store: storeID, model: modelID, userType: "user", consistency: openfgav1.ConsistencyPreference_HIGHER_CONSISTENCY, limits: defaultLimits, mostChecks: mostChecks,
		relations: map[defined]bool{}, typesOfTheModel: map[string]bool{},
	}
	for _, option := range options {
		if option == nil {
			return nil, errors.New("openfga: an option is nil")
		}
		option.apply(e)
	}
	if err := e.limits.valid(); err != nil {
		return nil, err
	}
	if e.mostChecks < 1 {
		return nil, fmt.Errorf("openfga: OpenFGA takes %d checks in one request: that must be positive", e.mostChecks)
	}
	response, err := api.ReadAuthorizationModel(ctx, &openfgav1.ReadAuthorizationModelRequest{StoreId: storeID, Id: modelID})
	if err != nil {
		return nil, fmt.Errorf("openfga: read model %s of store %s: %w", modelID, storeID, err)
	}
	model := response.GetAuthorizationModel()
	if model.GetId() != modelID {
		return nil, fmt.Errorf("openfga: store %s has model %q in place of %s", storeID, model.GetId(), modelID)
	}
	for _, of := range model.GetTypeDefinitions() {
		e.typesOfTheModel[of.GetType()] = true
		for name := range of.GetRelations() {
			e.relations[defined{name, of.GetType()}] = true
		}
	}
	if !e.typesOfTheModel[e.userType] {
		return nil, fmt.Errorf("openfga: model %s has no type %q for principals: name the one that it has by WithUserType", modelID, e.userType)
	}
	return e, nil
}

// Defines implements [relation.Engine].
func (e *Engine) Defines(relation, object string) bool { return e.relations[defined{relation, object}] }

// What OpenFGA takes at most, in bytes: an object, and a user.
const (
	maxObject = 256
	maxUser   = 512
)

// Check implements [relation.Engine]. What is too long to be an id in OpenFGA has no
// relation.
func (e *Engine) Check(ctx context.Context, query relation.Query) (bool, error) {
	if e.api == nil {
		return false, errors.New("the engine was not made by openfga.New")
	}
	key := e.tupleOf(query)
	if key == nil {
		return false, nil
	}
	response, err := e.api.Check(ctx, &openfgav1.CheckRequest{
		StoreId: e.store, AuthorizationModelId: e.model, Consistency: e.consistency, TupleKey: key,
	})
	if err != nil {
		return false, failed(ctx, err)
	}
	return response.GetAllowed(), nil
}

// tupleOf is what a query asks of OpenFGA: nil where it is too long to be there.
func (e *Engine) tupleOf(query relation.Query) *openfgav1.CheckRequestTupleKey {
	user, object := e.userType+":"+query.User, query.Object+":"+query.ID
	if len(user) > maxUser || len(object) > maxObject {
		return nil
	}
	return &openfgav1.CheckRequestTupleKey{User: user, Relation: query.Relation, Object: object}
}
