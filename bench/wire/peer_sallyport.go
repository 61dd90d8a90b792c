package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	benchv1 "github.com/sallyport-rpc/sallyport/gen/test/bench/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/bench/v1/benchv1action"
	"github.com/sallyport-rpc/sallyport/server"
	"github.com/sallyport-rpc/sallyport/server/grpcserver"
	"github.com/sallyport-rpc/sallyport/telemetry"
)

// notes is the service as an application of Sallyport has it.
type notes struct{}

func (notes) WriteNote(_ context.Context, call *action.Call[benchv1.WriteNoteRequest]) (*benchv1.WriteNoteResponse, error) {
	return write(call.Message()), nil
}

func (notes) WriteNotes(_ context.Context, stream *action.BidiStream[benchv1.WriteNotesRequest, benchv1.WriteNotesResponse]) error {
	for {
		request, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := stream.Send(written(request)); err != nil {
			return err
		}
	}
}

func (notes) WatchNotes(ctx context.Context, _ *action.Call[benchv1.WatchNotesRequest], stream *action.ServerStream[benchv1.WatchNotesResponse]) error {
	if err := stream.SendHeaders(); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

// memory finds sessions in memory.
type memory map[string]*authn.Principal

func (m memory) Authenticate(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	if principal, ok := m[call.RequestHeader().Get("Authorization")]; ok {
		return principal, nil
	}
	return nil, authn.ErrNoCredential
}

// serveSallyport serves with the defaults of package server.
func serveSallyport(ctx context.Context, listener net.Listener) error {
	return serveNotes(ctx, listener, false)
}

// serveSallyportMeasured serves with metrics, and with traces of which none is sampled.
func serveSallyportMeasured(ctx context.Context, listener net.Listener) error {
	return serveNotes(ctx, listener, true)
}

// serveSallyportGRPC serves on the port for gRPC of a server.
func serveSallyportGRPC(ctx context.Context, listener net.Listener) error {
	return serveNative(ctx, listener, false)
}

func serveSallyportGRPCMeasured(ctx context.Context, listener net.Listener) error {
	return serveNative(ctx, listener, true)
}

func serveNative(ctx context.Context, listener net.Listener, measured bool) error {
	own, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	return serveNotes(ctx, own, measured, server.WithGRPC(grpcserver.On(listener)))
}

// serveSallyportMounted has the same gates on connect's own mount, without package server.
func serveSallyportMounted(ctx context.Context, listener net.Listener) error {
	registry, err := noteRegistry()
	if err != nil {
		return err
	}
	methods, err := registry.Methods()
	if err != nil {
		return err
	}
	dispatch := connect.NewServer()
	dispatch.Register(methods...)
	mux := http.NewServeMux()
	connecthttp.Mount(mux, dispatch, connecthttp.WithReadMaxBytes(mostBytes))
	return serveHTTP(ctx, listener, mux)
}

// noteRegistry is a registry with the services that logs what it denies.
func noteRegistry() (*action.Registry, error) {
	registry, err := newRegistry(notes{}, action.WithRecorder(event.LogRecorder(denials)))
	if err != nil {
		return nil, err
	}
	return registry, benchv1action.RegisterNoteStreamService(registry, notes{})
}

// newRegistry returns a registry with the unary service and the sessions.
func newRegistry(handler benchv1action.NoteServiceHandler, options ...action.RegistryOption) (*action.Registry, error) {
	known := make(memory, len(sessions))
	for credential, user := range sessions {
		known[credential] = authn.NewPrincipal(user.id, authn.Details{Unscoped: true, Roles: user.roles})
	}
	registry, err := action.NewRegistry(authn.Schemes{"session": known}, options...)
	if err != nil {
		return nil, err
	}
	return registry, benchv1action.RegisterNoteService(registry, handler)
}

func serveNotes(ctx context.Context, listener net.Listener, measured bool, options ...server.Option) error {
	registry, err := noteRegistry()
	if err != nil {
		return err
	}
	if measured {
		measuring, err := telemetry.New(registry,
			telemetry.WithMeterProvider(metric.NewMeterProvider(metric.WithReader(metric.NewManualReader()))),
			telemetry.WithTracerProvider(trace.NewTracerProvider(trace.WithSampler(trace.NeverSample()))))
		if err != nil {
			return err
		}
		options = append(options, measuring.Server())
	}
	serving, err := server.New(registry, options...)
	if err != nil {
		return err
	}
	return serving.Serve(ctx, listener)
}
