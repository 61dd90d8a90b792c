package health

import (
	"context"
	"time"

	"connectrpc.com/connect/v2"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiongen"
)

// Register adds gRPC's health service to a registry, with a declaration that holds for
// Check, List and Watch: a sallyport.v1.Action in protobuf text. Watch is a stream, so
// the declaration says when a stream is authorized. It names the roles of the packages
// that [WithUses] names. An empty declaration is refused.
// It comes after the services that checks are of.
func (c *Checks) Register(registry *action.Registry, declaration string) error {
	if err := c.unknown(); err != nil {
		return err
	}
	return actiongen.RegisterGiven(registry, declaration, actiongen.GivenService[*Checks]{
		Descriptor: healthv1.File_grpc_health_v1_health_proto.Services().ByName("Health"),
		Uses:       c.uses,
		Methods:    methods[*action.Call[healthv1.HealthCheckRequest], *action.Call[healthv1.HealthListRequest]](),
		Anonymous:  methods[*action.AnonymousCall[healthv1.HealthCheckRequest], *action.AnonymousCall[healthv1.HealthListRequest]](),
	}, c)
}

// call is either kind of call.
type call[Req any] interface {
	*action.Call[Req] | *action.AnonymousCall[Req]
	Message() *Req
}

// methods are the methods of the service, for one kind of call.
func methods[One call[healthv1.HealthCheckRequest], All call[healthv1.HealthListRequest]]() []actiongen.Method[*Checks] {
	return []actiongen.Method[*Checks]{
		actiongen.Unary("Check", func(c *Checks, ctx context.Context, call One) (*healthv1.HealthCheckResponse, error) {
			return c.check(ctx, call.Message())
		}),
		actiongen.Unary("List", func(c *Checks, ctx context.Context, _ All) (*healthv1.HealthListResponse, error) {
			return c.list(ctx), nil
		}),
		actiongen.ServerStreaming("Watch", func(c *Checks, ctx context.Context, call One, stream *action.ServerStream[healthv1.HealthCheckResponse]) error {
			return c.watch(ctx, call.Message(), stream)
		}),
	}
}

var errNoService = connect.NewError(connect.CodeNotFound, "there is no such service")

// status returns the status of a service, "" being the server.
func (c *Checks) status(ctx context.Context, service string) healthv1.HealthCheckResponse_ServingStatus {
	switch {
	case service != "" && !c.served()[service]:
		return healthv1.HealthCheckResponse_SERVICE_UNKNOWN
	case isStopping(ctx) || !c.works(ctx, service):
		return healthv1.HealthCheckResponse_NOT_SERVING
	default:
		return healthv1.HealthCheckResponse_SERVING
	}
}

// check implements Check: one answer. A service that is not there is not_found, as the
// protocol says.
func (c *Checks) check(ctx context.Context, request *healthv1.HealthCheckRequest) (*healthv1.HealthCheckResponse, error) {
	status := c.status(ctx, request.GetService())
	if status == healthv1.HealthCheckResponse_SERVICE_UNKNOWN {
		return nil, errNoService
	}
	return &healthv1.HealthCheckResponse{Status: status}, nil
}

// list implements List: the server, under "", and all services.
func (c *Checks) list(ctx context.Context) *healthv1.HealthListResponse {
	statuses := map[string]*healthv1.HealthCheckResponse{"": {Status: c.status(ctx, "")}}
	for name := range c.served() {
		statuses[name] = &healthv1.HealthCheckResponse{Status: c.status(ctx, name)}
	}
	return &healthv1.HealthListResponse{Statuses: statuses}
}

var errStopping = connect.NewError(connect.CodeUnavailable, "the server shuts down")

// watch implements Watch: an answer at once, and another whenever it changes. A service
// that is not there is an answer, as the protocol says.
func (c *Checks) watch(ctx context.Context, request *healthv1.HealthCheckRequest, stream *action.ServerStream[healthv1.HealthCheckResponse]) error {
	ticker := time.NewTicker(c.interval)
	defer ticker.Stop()
	told := healthv1.HealthCheckResponse_UNKNOWN
	stopping := action.Stopping(ctx)
	for {
		if status := c.status(ctx, request.GetService()); status != told {
			told = status
			if err := stream.Send(&healthv1.HealthCheckResponse{Status: status}); err != nil {
				return err
			}
		}
		select {
		case <-ticker.C:
		case <-stopping:
			stopping = nil // once
		case <-action.Draining(ctx):
			if told != healthv1.HealthCheckResponse_NOT_SERVING && told != healthv1.HealthCheckResponse_SERVICE_UNKNOWN {
				continue // says so first
			}
			return errStopping
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
