package action_test

import (
	"context"
	"testing"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
)

const notAdmitted = "action: this call did not come through the gate"

// mustPanic fails the test where f does not panic as a call does that no gate let
// through.
func mustPanic(t *testing.T, name string, f func()) {
	t.Helper()
	defer func() {
		if recovered := recover(); recovered != notAdmitted {
			t.Errorf("%s: got %v, want a panic that says %q", name, recovered, notAdmitted)
		}
	}()
	f()
}

// TestZeroCalls uses every kind of call and stream that code can make without the
// gate: a zero one, and a nil one.
func TestZeroCalls(t *testing.T) {
	t.Parallel()
	response := new(testv1.Response)
	for name, call := range map[string]*call{"new": new(call), "nil": nil} {
		mustPanic(t, name+" Call.Message", func() { call.Message() })
		mustPanic(t, name+" Call.Principal", func() { call.Principal() })
		mustPanic(t, name+" Call.Decision", func() { call.Decision() })
		mustPanic(t, name+" Call.Grant", func() { call.Grant() })
		mustPanic(t, name+" Call.Filter", func() { call.Filter(t.Context(), "x") })
	}
	for name, call := range map[string]*docCall{"new": new(docCall), "nil": nil} {
		mustPanic(t, name+" ResourceCall.Filter", func() { call.Filter(t.Context(), "x") })
		mustPanic(t, name+" ResourceCall.Guard", func() { call.Guard() })
	}
	for name, call := range map[string]*anonymousCall{"new": new(anonymousCall), "nil": nil} {
		mustPanic(t, name+" AnonymousCall.Message", func() { call.Message() })
		mustPanic(t, name+" AnonymousCall.Decision", func() { call.Decision() })
	}
	mustPanic(t, "ServerStream.Send", func() { new(responses).Send(response) })
	mustPanic(t, "ServerStream.SendHeaders", func() { new(responses).SendHeaders() })
	mustPanic(t, "ClientStream.Receive", func() { new(requests).Receive() })
	mustPanic(t, "ClientStream.Principal", func() { new(requests).Principal() })
	mustPanic(t, "ClientStream.Grant", func() { new(requests).Grant() })
	mustPanic(t, "ServerStream.Grant", func() { new(responses).Grant() })
	mustPanic(t, "ServerStream.Filter", func() { new(responses).Filter(t.Context(), "x") })
	mustPanic(t, "BidiStream.Grant", func() { new(dialogue).Grant() })
	mustPanic(t, "AnonymousClientStream.Receive", func() { new(anyRequests).Receive() })
	mustPanic(t, "BidiStream.Receive", func() { new(dialogue).Receive() })
	mustPanic(t, "BidiStream.Send", func() { new(dialogue).Send(response) })
	mustPanic(t, "BidiStream.SendHeaders", func() { new(dialogue).SendHeaders() })
	mustPanic(t, "BidiStream.Principal", func() { new(dialogue).Principal() })
	mustPanic(t, "AnonymousBidiStream.Receive", func() { new(anyDialogue).Receive() })
	mustPanic(t, "AnonymousBidiStream.Send", func() { new(anyDialogue).Send(response) })
	mustPanic(t, "AnonymousBidiStream.SendHeaders", func() { new(anyDialogue).SendHeaders() })
}

// TestNilStreams says the same of a stream that is nil.
func TestNilStreams(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(){
		"ServerStream.Send":             func() { (*responses)(nil).Send(nil) },
		"ClientStream.Receive":          func() { (*requests)(nil).Receive() },
		"ClientStream.Principal":        func() { (*requests)(nil).Principal() },
		"AnonymousClientStream.Receive": func() { (*anyRequests)(nil).Receive() },
		"BidiStream.Receive":            func() { (*dialogue)(nil).Receive() },
		"AnonymousBidiStream.Send":      func() { (*anyDialogue)(nil).Send(nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

// TestAnonymousStreams sends a credential to streams that take callers without one:
// there is no principal in what is decided.
func TestAnonymousStreams(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	fixture.handlers.collect = func(context.Context, receiver) (*testv1.Response, error) { return &testv1.Response{}, nil }
	fixture.handlers.chat = func(context.Context, talker) error { return nil }
	for _, procedure := range []string{stream("CollectPublicOpen"), stream("CollectPublicFirst"), stream("ChatPublicOpen"), stream("ChatPublicEvery")} {
		if got := fixture.ask(t.Context(), fixture.ways[0], procedure, as("session", "alice"), owned("alice")); got.err != nil {
			t.Errorf("%s: %v", procedure, got.err)
		}
		events, decisions := fixture.take()
		for _, decision := range decisions {
			if decision.PrincipalID != "" || decision.Scheme != "" || decision.Grant != "anyone" {
				t.Errorf("%s: the decision is %+v", procedure, decision)
			}
		}
		if len(events) == 0 || events[0] != "allow at handle" {
			t.Errorf("%s: %q", procedure, events)
		}
	}
}

// permitOf infers the type of the permit that a function asks for, as code can that
// may not import it, and returns its zero value.
func permitOf[Permit, Behind any](func(Permit) Behind) (permit Permit) { return permit }

// TestZeroPermit asks for what stands behind the gates with a permit that was not
// given.
func TestZeroPermit(t *testing.T) {
	t.Parallel()
	mustPanic(t, "Unguarded", func() { action.Unguarded(permitOf(action.Unguarded)) })
}

// TestZeroValues asks the zero values of what is exported to let a caller through.
func TestZeroValues(t *testing.T) {
	t.Parallel()
	t.Run("Decision", func(t *testing.T) {
		t.Parallel()
		var decision event.Decision
		if decision.Outcome != event.Deny || decision.Outcome.String() != "deny" {
			t.Errorf("it is to %s", decision.Outcome)
		}
		if event.Outcome(99).String() != "deny" || event.Stage(99).String() != "unknown" {
			t.Errorf("numbers of nothing are %s and %s", event.Outcome(99), event.Stage(99))
		}
	})
	t.Run("Principal", func(t *testing.T) {
		t.Parallel()
		var principal authn.Principal
		if principal.Claims() != nil || principal.ID() != "" || principal.Roles() != nil || principal.Scopes() != nil || principal.Scheme() != "" {
			t.Errorf("it is a principal: %v", &principal)
		}
	})
	for name, registry := range map[string]*action.Registry{"Registry": {}, "nil Registry": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expectRules(t, testv1action.RegisterUnaryService(registry, &handlers{}, &handlers{}), "registry-nil")
			expectRules(t, registry.Seal(), "registry-nil")
			_, err := registry.Methods()
			expectRules(t, err, "registry-nil")
			_, err = registry.InProcess()
			expectRules(t, err, "registry-nil")
			_, err = registry.FrontDoor()
			expectRules(t, err, "registry-nil")
			if registry == nil {
				return // and the rest asks a registry that is there
			}
			if actions := registry.Actions(); len(actions) != 0 {
				t.Errorf("it has the actions %v", actions)
			}
			if decision := registry.May(t.Context(), people["alice"], action.Question{Procedure: unary("Anyone"), Request: owned("alice")}); decision.Outcome != event.Deny {
				t.Errorf("alice may: %+v", decision)
			}
			registry.Recheck("alice")
		})
	}
	t.Run("ServerFunc without connect's call info", func(t *testing.T) {
		t.Parallel()
		fixture := newFixture(t)
		for _, method := range must(fixture.registry.Methods()) {
			if method.Spec.Procedure != unary("Anyone") {
				continue
			}
			err := method.Handler(t.Context(), method.Spec, sends{owned("alice")})
			if connect.CodeOf(err) != connect.CodeInternal {
				t.Errorf("got %v", err)
			}
			fixture.expect(t, "deny at authenticate")
		}
	})
}

// sends is a stream with one request on it.
type sends struct{ request *testv1.Request }

func (s sends) Receive(message any) error {
	message.(*testv1.Request).Owner = s.request.GetOwner()
	return nil
}
func (sends) SendHeaders() error { return nil }
func (sends) Send(any) error     { return nil }

// TestPrincipalIsACopy changes what a principal was made of, and what it gives out.
func TestPrincipalIsACopy(t *testing.T) {
	t.Parallel()
	claims := authn.Details{Unscoped: true, Roles: []string{"viewer"}, Scopes: []string{"items.read"}}
	principal := authn.NewPrincipal("carol", claims)
	claims.Roles[0], claims.Scopes[0] = "owner", "items.admin"
	principal.Roles()[0], principal.Scopes()[0] = "owner", "items.admin"
	if principal.Roles()[0] != "viewer" || principal.Scopes()[0] != "items.read" {
		t.Errorf("it became %v and %v", principal.Roles(), principal.Scopes())
	}
}
