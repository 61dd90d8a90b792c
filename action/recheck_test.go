package action_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
)

// TestRecheck looks again at streams on which nothing moves. What the
// authenticator says now that it would not let in, ends them.
func TestRecheck(t *testing.T) {
	t.Parallel()
	ended := func(code connect.Code, text string, stage event.Stage, reason string) refused {
		return refused{code: code, text: text, stage: stage, reason: reason, principal: "alice", scheme: "session"}
	}
	faulty := func(want refused) refused {
		want.fault = true
		return want
	}
	for _, test := range []struct {
		name   string
		answer func(context.Context, *connect.CallInfo) (*authn.Principal, error)
		want   refused
	}{
		{"revoked", answers(nil, authn.InvalidCredential("revoked")), ended(connect.CodeUnauthenticated, textUnauthenticated, event.StageAuthenticate, "session: invalid credential: revoked")},
		{"gone", answers(nil, authn.ErrNoCredential), ended(connect.CodeUnauthenticated, textUnauthenticated, event.StageAuthenticate, "no credential offered that the action takes")},
		{"expired", answers(authn.NewPrincipal("alice", authn.Details{Unscoped: true, Roles: []string{"owner"}, ExpiresAt: noon}), nil), ended(connect.CodeUnauthenticated, textUnauthenticated, event.StageAuthenticate, "the credential has expired")},
		{"another caller's", answers(people["owner"], nil), refused{
			code: connect.CodeUnauthenticated, text: textUnauthenticated, stage: event.StageAuthenticate,
			reason: "the credential now names another principal", principal: "owner", scheme: "session",
		}},
		{"another caller's, expired", answers(authn.NewPrincipal("owner", authn.Details{Unscoped: true, ExpiresAt: noon}), nil), ended(connect.CodeUnauthenticated, textUnauthenticated, event.StageAuthenticate, "the credential has expired")},
		{"without the role", answers(authn.NewPrincipal("alice", authn.Details{Unscoped: true, Roles: []string{"viewer"}}), nil), ended(connect.CodePermissionDenied, textDenied, event.StageAuthorize, "no grant holds")},
		{"unavailable", answers(nil, authn.Unavailable(nil)), faulty(ended(connect.CodeUnavailable, textUnavailable, event.StageAuthenticate, "session: unavailable"))},
		{"nothing", answers(nil, nil), faulty(ended(connect.CodeInternal, textInternal, event.StageAuthenticate, "a fault"))},
		{"a panic", func(context.Context, *connect.CallInfo) (*authn.Principal, error) { panic("at the gate") }, faulty(ended(connect.CodeInternal, textInternal, event.StageAuthenticate, "a fault"))},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			fixture := newFixture(t)
			for _, method := range []string{"WatchOpen", "CollectOpen", "ChatOpen"} {
				for _, way := range []way{fixture.ways[0], fixture.ways[4], fixture.ways[len(fixture.ways)-1]} {
					fixture.session.answer = nil
					client := fixture.live(t, way, stream(method))
					fixture.take()
					fixture.session.answer = test.answer
					fixture.registry.Recheck("bob") // whose streams are not these
					fixture.registry.Recheck("alice")
					err := client.Receive(new(testv1.Response))
					told := test.want
					told.challenge = []string{} // the headers have gone
					expectError(t, answer{err: err, challenge: []string{}}, told)
					events, decisions := fixture.take()
					if !slices.Equal(events, []string{"ask session", "deny at " + test.want.stage.String()}) || len(decisions) != 1 {
						t.Fatalf("%s by %s: %q", method, way.name, events)
					}
					expectDecision(t, decisions[0], test.want)
				}
			}
		})
	}
	t.Run("as good as ever", func(t *testing.T) {
		t.Parallel()
		fixture := newFixture(t, action.WithMessageEvents())
		client := fixture.live(t, fixture.ways[len(fixture.ways)-1], stream("ChatOpen"))
		fixture.take()
		fixture.registry.Recheck("alice")
		fixture.await(t, "ask session")
		if err := client.Send(owned("alice")); err != nil {
			t.Error(err)
		}
		fixture.await(t, "allow at handle")
		fixture.expect(t, "ask session", "allow at handle") // a recheck that changes nothing leaves no record
	})
}

// live opens a stream as alice, whose handler waits for as long as it lives. The test
// has it once the handler has begun.
func (h *fixture) live(t *testing.T, way way, procedure string) connect.ClientStream {
	t.Helper()
	drain := func(in receiver) error {
		for {
			if _, err := in.Receive(); err != nil {
				return nil //nolint:nilerr // the gate's answer stands, not what a handler makes of it
			}
		}
	}
	h.handlers.watch = func(ctx context.Context, _ *testv1.Request, out *responses) error {
		// A client that sends one request waits for the headers.
		if err := out.SendHeaders(); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	}
	h.handlers.collect = func(_ context.Context, in receiver) (*testv1.Response, error) { return &testv1.Response{}, drain(in) }
	h.handlers.chat = func(_ context.Context, in talker) error { return drain(in) }
	client := must(way.client.CallClientStream(asCaller(t, "alice"), h.specs[procedure]))
	t.Cleanup(func() { client.Close() })
	if h.specs[procedure].StreamType == connect.StreamTypeServer {
		if err := errors.Join(client.Send(owned("alice")), client.CloseSend()); err != nil {
			t.Fatal(err)
		}
	} else if err := client.SendHeaders(); err != nil {
		t.Fatal(err)
	}
	h.await(t, "handle")
	return client
}
