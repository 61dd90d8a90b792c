package action

import (
	"testing"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// A handled request belongs to a handler while shadows run.
type handled struct {
	*testv1.Request

	t      *testing.T
	shades shadows
}

func (h handled) ProtoReflect() protoreflect.Message {
	if len(h.shades.room) > 0 {
		h.t.Error("a shadow reads the request that its handler owns")
	}
	return h.Request.ProtoReflect()
}

// A shadow is evaluated on a copy of the request. One that cannot be made is undecided.
func TestShadowReadsACopy(t *testing.T) {
	t.Parallel()
	reader, err := declare.NewReader(declare.Config{})
	if err != nil {
		t.Fatal(err)
	}
	service := testv1.File_test_v1_test_proto.Services().ByName("UnaryService")
	declarations, refusals := reader.Service(service, declare.Given{})
	if len(refusals) > 0 {
		t.Fatal(refusals)
	}
	var own *policy.Policy
	for _, declaration := range declarations {
		if declaration.Method.Name() == "Own" {
			own = policy.New(declaration, nil)
		}
	}
	registry := &Registry{shadows: newShadows(1, time.Hour)}
	g := &gate{registry: registry, shadow: own}
	alice := authn.NewPrincipal("alice", authn.Details{Unscoped: true})
	for owner, want := range map[string]event.Shadow{"alice": event.ShadowSame, "bob": event.ShadowWouldDeny} {
		input := policy.Input{Principal: alice, Request: handled{&testv1.Request{Owner: owner}, t, registry.shadows}, Now: time.Now()}
		if got := g.supposed(t.Context(), input, true); got != want {
			t.Errorf("%s's: %v, want %v", owner, got, want)
		}
	}
	if got := (&gate{registry: registry}).supposed(t.Context(), policy.Input{Principal: alice, Request: &testv1.Request{}}, true); got != event.ShadowUndecided {
		t.Errorf("without a policy: %v", got)
	}
}
