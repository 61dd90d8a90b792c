package action_test

import (
	"context"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectinprocess"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
)

// newFrontDoorFixture is a fixture with a front door. Its way in is in process.
func newFrontDoorFixture(t *testing.T) (*fixture, way) {
	t.Helper()
	fixture := newFixture(t)
	server := connect.NewServer(must(fixture.registry.FrontDoor()))
	server.Register(must(fixture.registry.Methods())...)
	return fixture, way{client: connect.NewClient(connectinprocess.New(server))}
}

// TestFrontDoor sends strangers what cannot even be read. They are told that they
// are strangers, and what others send is looked at as ever.
func TestFrontDoor(t *testing.T) {
	t.Parallel()
	fixture, way := newFrontDoorFixture(t)
	for _, procedure := range []string{unary("Own"), stream("WatchFirst"), stream("CollectEvery"), stream("ChatFirst")} {
		fixture.alone(t, methodName(procedure), func(t *testing.T) {
			fixture.session.answer = nil
			fixture.expectRefused(t, fixture.ask(t.Context(), way, procedure, "", raw(planted)), noCredential)
			fixture.expectRefused(t, fixture.ask(t.Context(), way, procedure, as("session", "unknown"), raw(planted)), invalid("invalid credential: unknown session"))

			fixture.session.answer = func(context.Context, *connect.CallInfo) (*authn.Principal, error) { panic("at the door") }
			fixture.expectRefused(t, fixture.ask(t.Context(), way, procedure, "", raw(planted)), noPrincipal)
			fixture.session.answer = answers(authn.NewPrincipal("carol", authn.Details{Unscoped: true, ExpiresAt: noon}), nil)
			fixture.expectRefused(t, fixture.ask(t.Context(), way, procedure, "", raw(planted)), refused{
				code: connect.CodeUnauthenticated, text: textUnauthenticated, stage: event.StageAuthenticate, reason: "the credential has expired",
				principal: "carol", scheme: "session",
			})

			fixture.session.answer = nil
			fixture.ask(t.Context(), way, procedure, as("session", "alice"), raw(planted))
			fixture.expect(t, "ask session", "deny at decode")
			fixture.ask(t.Context(), way, procedure, as("session", "alice"), owned(""))
			fixture.expect(t, "ask session", "deny at validate")
			fixture.ask(t.Context(), way, procedure, as("session", "visitor"), owned("alice"))
			fixture.expect(t, "ask session", "ask session", "deny at authorize")
		})
	}
	fixture.alone(t, "of a stranger's", func(t *testing.T) {
		fixture.ask(t.Context(), way, unary("Public"), as("session", "unknown"), raw(planted))
		fixture.expect(t, "deny at decode")
	})
}

// TestFrontDoorOfOthers has a server serve what no registry knows behind a front door: it
// is not asked who calls.
func TestFrontDoorOfOthers(t *testing.T) {
	t.Parallel()
	fixture, _ := newFrontDoorFixture(t)
	spec := connect.Spec{Procedure: "/other.v1.Service/Do", StreamType: connect.StreamTypeUnary}
	served := 0
	server := connect.NewServer(must(fixture.registry.FrontDoor()))
	server.Register(connect.Method{Spec: spec, Handler: func(context.Context, connect.Spec, connect.ServerStream) error {
		served++
		return nil
	}})
	if err := server.Call(t.Context(), spec.Procedure, nil, &pipe{}); err != nil || served != 1 {
		t.Errorf("it was served %d times: %v", served, err)
	}
	fixture.expect(t)
}

// TestFrontDoorExpires lets a caller in whose credential ends while the message is
// still on its way.
func TestFrontDoorExpires(t *testing.T) {
	t.Parallel()
	fixture, way := newFrontDoorFixture(t)
	client := must(way.client.CallClientStream(asCaller(t, "alice"), fixture.specs[stream("ChatFirst")]))
	defer client.Close()
	if err := client.SendHeaders(); err != nil {
		t.Fatal(err)
	}
	fixture.await(t, "ask session")
	later := noon.Add(2 * time.Hour)
	fixture.now.Store(&later)
	if err := client.Send(owned("alice")); err != nil {
		t.Fatal(err)
	}
	if err := client.Receive(new(testv1.Response)); connect.CodeOf(err) != connect.CodeUnauthenticated {
		t.Errorf("got %v", err)
	}
	fixture.expect(t, "ask session", "ask session", "deny at authenticate")
}

// TestFrontDoorWithin has a handler call its own action, with its own context and
// without any credential. That is another call: who came through the front door is
// not who makes it.
func TestFrontDoorWithin(t *testing.T) {
	t.Parallel()
	for name, within := range map[string]func(*fixture, way) way{
		"through the front door": func(_ *fixture, front way) way { return front },
		"around the front door":  func(fixture *fixture, _ way) way { return fixture.ways[len(fixture.ways)-1] },
		"by Registry.InProcess": func(fixture *fixture, _ way) way {
			return way{client: connect.NewClient(must(fixture.registry.InProcess()))}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fixture, front := newFrontDoorFixture(t)
			back := within(fixture, front)
			var inner answer
			fixture.handlers.unary = func(ctx context.Context, call *call) (*testv1.Response, error) {
				if call.Message().GetSecret() == "outer" {
					inner = fixture.ask(ctx, back, unary("Own"), "", owned("alice"))
				}
				return &testv1.Response{Caller: call.Principal().ID()}, nil
			}
			outer := fixture.ask(t.Context(), front, unary("Own"), as("session", "alice"), &testv1.Request{Owner: "alice", Secret: "outer"})
			if outer.err != nil {
				t.Error(outer.err)
			}
			if connect.CodeOf(inner.err) != connect.CodeUnauthenticated {
				t.Errorf("a call without a credential got %v, %v", inner.responses, inner.err)
			}
			fixture.expect(t, "ask session", "ask session", "allow at handle", "handle", "ask session", "deny at authenticate")
		})
	}
}

// asCaller returns the context of a call by a principal.
func asCaller(t *testing.T, name string) context.Context {
	t.Helper()
	ctx, info := connect.NewClientContext(t.Context())
	info.RequestHeader().Set("Authorization", as("session", name))
	return ctx
}
