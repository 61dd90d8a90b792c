package action_test

import (
	"context"
	"testing"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action/actiongen"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare/declaretest"
)

// A careless implementation looks at nothing that it is given, so that what keeps it from
// running is the gate alone.
type careless struct{ recorder *recorder }

func (c careless) watch(context.Context, *call, *responses) error {
	c.recorder.note("handle")
	return nil
}

func (c careless) collect(context.Context, *requests) (*testv1.Response, error) {
	c.recorder.note("handle")
	return &testv1.Response{}, nil
}

func (c careless) chat(context.Context, *dialogue) error {
	c.recorder.note("handle")
	return nil
}

// TestDeniedStreamDoesNotRun opens streams of every shape whose handlers never ask who is
// calling. The handler runs for a caller whom the gate lets in, and for no other.
func TestDeniedStreamDoesNotRun(t *testing.T) {
	t.Parallel()
	for _, timing := range []sallyportv1.Stream_Timing{sallyportv1.Stream_OPEN, sallyportv1.Stream_FIRST_MESSAGE, sallyportv1.Stream_EVERY_MESSAGE} {
		t.Run(timing.String(), func(t *testing.T) {
			t.Parallel()
			declared := bySession(allow(&sallyportv1.Grant{AnyRole: []string{"editor"}}))
			declared.Stream = &sallyportv1.Stream{Authorize: timing}
			r := newRechecking(t)
			if err := declaretest.Register(t, r.registry, actiongen.Service[careless]{
				Descriptor: describe(t, "CarelessService",
					rpc{name: "Watch", action: declared, sends: true},
					rpc{name: "Collect", action: declared, clients: true},
					rpc{name: "Chat", action: declared, clients: true, sends: true}),
				Methods: []actiongen.Method[careless]{
					actiongen.ServerStreaming("Watch", careless.watch),
					actiongen.ClientStreaming("Collect", careless.collect),
					actiongen.BidiStreaming("Chat", careless.chat),
				},
			}, careless{r.recorder}); err != nil {
				t.Fatal(err)
			}
			r.server.Register(must(r.registry.Methods())...)
			for _, method := range []string{"Watch", "Collect", "Chat"} {
				procedure := "/described.v1.CarelessService/" + method
				r.authority.set(finds(aliceAlone))
				if err := r.server.Call(t.Context(), procedure, nil, sends{owned("alice")}); connect.CodeOf(err) != connect.CodePermissionDenied {
					t.Errorf("%s without the role: %v", method, err)
				}
				r.expect(t, "deny at authorize")
				r.authority.set(finds(aliceTheEditor))
				if err := r.server.Call(t.Context(), procedure, nil, sends{owned("alice")}); err != nil {
					t.Errorf("%s with the role: %v", method, err)
				}
				r.expect(t, "allow at handle", "handle")
			}
		})
	}
}
