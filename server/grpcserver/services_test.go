package grpcserver_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/server/health"
	"github.com/sallyport-rpc/sallyport/server/reflection"
	"github.com/sallyport-rpc/sallyport/telemetry"
)

// gRPC's health and reflection services are actions like others, with their gates, and
// calls leave spans.
func TestServices(t *testing.T) {
	t.Parallel()
	served := &served{handlers: &handlers{}, records: &records{more: make(chan struct{}, 1)}, tokens: &tokens{}, log: &lines{}}
	var err error
	served.registry, err = action.NewRegistry(authn.Schemes{"session": served.tokens, "bearer": absent{}}, action.WithRecorder(served.records))
	if err != nil {
		t.Fatal(err)
	}
	spans := tracetest.NewSpanRecorder()
	traced, err := telemetry.New(served.registry, telemetry.WithTracerProvider(trace.NewTracerProvider(trace.WithSpanProcessor(spans))))
	if err != nil {
		t.Fatal(err)
	}
	checks, err := health.New(served.registry)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		testv1action.RegisterUnaryService(served.registry, served.handlers, served.handlers),
		checks.Register(served.registry, `authenticate: {anonymous: "probes have no credential"} authorize: {anyone: "it says no more than whether the server works"} stream: {authorize: OPEN}`),
		reflection.Register(served.registry, `authenticate: {schemes: ["session"]} authorize: {anyone: "a caller sees what it may call"} stream: {authorize: OPEN}`),
	); err != nil {
		t.Fatal(err)
	}
	served.start(t, traced.Server())
	conn := dial(t, served.native, nil)

	state, err := healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{})
	if err != nil || state.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		t.Errorf("health: %v, %v", state, err)
	}
	list := &reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}}
	for name, ctx := range map[string]context.Context{"stranger": t.Context(), "alice": as(t.Context(), alice...)} {
		stream, err := reflectionv1.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
		if err != nil {
			t.Fatal(err)
		}
		_ = stream.Send(list) // Recv says why it fails
		answer, err := stream.Recv()
		switch {
		case name == "stranger" && status.Code(err) != codes.Unauthenticated:
			t.Errorf("reflection for a stranger: %v", err)
		case name == "alice" && !strings.Contains(answer.String(), "test.v1.UnaryService"):
			t.Errorf("reflection: %v, %v", answer, err)
		}
		_ = stream.CloseSend()
	}
	if code := invoke(t.Context(), conn, unaryService+"Own", sound); code != codes.Unauthenticated {
		t.Error(code)
	}
	named := false
	for _, span := range spans.Ended() {
		named = named || span.Name() == strings.TrimPrefix(unaryService, "/")+"Own"
	}
	if !named {
		t.Errorf("%d spans, none of the call", len(spans.Ended()))
	}
}
