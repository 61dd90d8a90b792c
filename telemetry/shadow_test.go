package telemetry_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1client"
	"github.com/sallyport-rpc/sallyport/telemetry"
)

// shadowed implements the actions with shadows. No handler runs.
type shadowed struct {
	testv1action.ShadowServiceHandler
}

// TestShadow counts what shadows would have decided, by the outcome in force.
func TestShadow(t *testing.T) {
	t.Parallel()
	registry, err := action.NewRegistry(authn.Schemes{"session": byRole{}, "bearer": byRole{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := testv1action.RegisterShadowService(registry, shadowed{}); err != nil {
		t.Fatal(err)
	}
	if _, err := registry.Methods(); err != nil { // it is sealed
		t.Fatal(err)
	}
	reader := sdkmetric.NewManualReader()
	if _, err := telemetry.New(registry, telemetry.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))); err != nil {
		t.Fatal(err)
	}
	const own = "/" + testv1client.ShadowServiceName + "/TriedOwn"
	for _, role := range []string{"viewer", "editor", "viewer"} {
		principal := authn.NewPrincipal(secretID, authn.Details{Unscoped: true, Scheme: "session", Roles: []string{role}})
		registry.May(context.Background(), principal, action.Question{Procedure: own, Request: &testv1.Request{Owner: secretID}})
	}
	var collected metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &collected); err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, scope := range collected.ScopeMetrics {
		for _, of := range scope.Metrics {
			sum, ok := of.Data.(metricdata.Sum[int64])
			if of.Name != "sallyport.shadow" || !ok {
				continue
			}
			for _, point := range sum.DataPoints {
				method, _ := point.Attributes.Value("rpc.method")
				outcome, _ := point.Attributes.Value("outcome")
				shadow, _ := point.Attributes.Value("shadow")
				got[method.AsString()+" "+outcome.AsString()+" "+shadow.AsString()] = point.Value
			}
		}
	}
	want := map[string]int64{own[1:] + " allow would_deny": 2, own[1:] + " allow same": 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
