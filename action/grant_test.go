package action_test

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"connectrpc.com/connect/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/action/actiongen"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare/declaretest"

	"github.com/sallyport-rpc/sallyport/action"
)

// A granter answers by which grant a call, and each message of a stream, was let in.
type granter struct {
	next chan struct{} // its Watch goes on when it can receive from it
}

func granted(names ...string) *testv1.Response { return &testv1.Response{Owners: names} }

func (*granter) get(_ context.Context, call *call) (*testv1.Response, error) {
	return granted(call.Grant()), nil
}

// watch sends an empty response, which waits for a recheck, and then the grant that
// opened the stream and the one that it lives by.
func (g *granter) watch(ctx context.Context, call *call, out *responses) error {
	for {
		if err := out.Send(granted()); err != nil {
			return err
		}
		if err := out.Send(granted(call.Grant(), out.Grant())); err != nil {
			return err
		}
		select {
		case _, more := <-g.next:
			if !more {
				return nil
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// collect answers with the grant of the opening, and after each message.
func (*granter) collect(_ context.Context, in *requests) (*testv1.Response, error) {
	grants := []string{in.Grant()}
	for {
		if _, err := in.Receive(); errors.Is(err, io.EOF) {
			return granted(grants...), nil
		} else if err != nil {
			return nil, err
		}
		grants = append(grants, in.Grant())
	}
}

// chat sends the grant of the opening, and after each message.
func (*granter) chat(_ context.Context, in *dialogue) error {
	for {
		if err := in.Send(granted(in.Grant())); err != nil {
			return err
		}
		if _, err := in.Receive(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// grantFixture serves a granter by every shape, to whom caller says. The actions have two
// named grants and one without a name; where a request is there to look at, a third.
func grantFixture(t *testing.T, caller *atomic.Pointer[authn.Principal]) (*fixture, *granter) {
	t.Helper()
	fixture := newFixture(t)
	fixture.session.answer = func(context.Context, *connect.CallInfo) (*authn.Principal, error) { return caller.Load(), nil }
	declared := func(timing sallyportv1.Stream_Timing) *sallyportv1.Action {
		grants := []*sallyportv1.Grant{
			{Name: new("support"), AnyRole: []string{"robot"}},
			{Name: new("admin"), AnyRole: []string{"owner"}},
			{AllScopes: []string{"items.admin"}},
		}
		if timing != sallyportv1.Stream_OPEN {
			grants = append([]*sallyportv1.Grant{{Name: new("own"), Cel: new("principal.id == request.owner")}}, grants...)
		}
		action := bySession(allow(grants...))
		if timing != sallyportv1.Stream_TIMING_UNSPECIFIED {
			action.Stream = &sallyportv1.Stream{Authorize: timing}
		}
		return action
	}
	rpcs := []rpc{{name: "Get", action: declared(0)}, {name: "Open", action: bySession(toAnyone())}}
	methods := []actiongen.Method[*granter]{actiongen.Unary("Get", (*granter).get), actiongen.Unary("Open", (*granter).get)}
	for name, timing := range map[string]sallyportv1.Stream_Timing{"Open": sallyportv1.Stream_OPEN, "First": sallyportv1.Stream_FIRST_MESSAGE, "Every": sallyportv1.Stream_EVERY_MESSAGE} {
		rpcs = append(rpcs,
			rpc{name: "Watch" + name, action: declared(timing), sends: true},
			rpc{name: "Collect" + name, action: declared(timing), clients: true},
			rpc{name: "Chat" + name, action: declared(timing), clients: true, sends: true})
		methods = append(methods,
			actiongen.ServerStreaming("Watch"+name, (*granter).watch),
			actiongen.ClientStreaming("Collect"+name, (*granter).collect),
			actiongen.BidiStreaming("Chat"+name, (*granter).chat))
	}
	fixture.registry = must(action.NewRegistry(authn.Schemes{"session": fixture.session}, action.WithRecorder(fixture.recorder)))
	handlers := &granter{next: make(chan struct{})}
	if err := declaretest.Register(t, fixture.registry, actiongen.Service[*granter]{
		Descriptor: describe(t, "GrantService", rpcs...), Methods: methods,
	}, handlers); err != nil {
		t.Fatal(err)
	}
	fixture.open(t, must(fixture.registry.Methods()))
	return fixture, handlers
}

const grantService = "/described.v1.GrantService/"

// aliceWith is the same caller, with roles.
func aliceWith(roles ...string) *authn.Principal {
	return authn.NewPrincipal("alice", authn.Details{Unscoped: true, Roles: roles})
}

var aliceTheSteward = authn.NewPrincipal("alice", authn.Details{Unscoped: true, Scopes: []string{"items.admin"}})

// A handler knows by which named grant a call, a stream or a message was let in.
func TestGrant(t *testing.T) {
	t.Parallel()
	var caller atomic.Pointer[authn.Principal]
	fixture, granter := grantFixture(t, &caller)
	close(granter.next)
	for _, test := range []struct {
		name   string
		method string
		caller *authn.Principal
		owners []string // of the messages
		want   []string
	}{
		{"unary, the first", "Get", aliceWith("owner"), []string{"alice"}, []string{"own"}},
		{"unary, the third", "Get", aliceWith("owner"), []string{"bob"}, []string{"admin"}},
		{"unary, one without a name", "Get", aliceTheSteward, []string{"bob"}, []string{""}},
		{"unary, anyone", "Open", aliceWith(), []string{"bob"}, []string{""}},
		{"server stream as it opens", "WatchOpen", aliceWith("owner"), []string{"alice"}, []string{"admin", "admin"}},
		{"server stream as it opens, the other", "WatchOpen", aliceWith("robot"), []string{"alice"}, []string{"support", "support"}},
		{"server stream by its message", "WatchFirst", aliceWith("robot"), []string{"alice"}, []string{"own", "own"}},
		{"server stream by every message", "WatchEvery", aliceWith("robot"), []string{"bob"}, []string{"support", "support"}},
		{"server stream, one without a name", "WatchEvery", aliceTheSteward, []string{"bob"}, []string{"", ""}},
		{"client stream as it opens", "CollectOpen", aliceWith("owner"), []string{"alice", "bob"}, []string{"admin", "admin", "admin"}},
		{"client stream as it opens, one without a name", "CollectOpen", aliceTheSteward, []string{"alice"}, []string{"", ""}},
		{"client stream by its first message", "CollectFirst", aliceWith("owner"), []string{"alice", "bob"}, []string{"own", "own", "own"}},
		{"client stream by every message", "CollectEvery", aliceWith("owner"), []string{"alice", "bob", "alice"}, []string{"own", "own", "admin", "own"}},
		{"client stream without a message", "CollectEvery", aliceWith("owner"), nil, []string{"admin"}},
		{"client stream by every message, one without a name", "CollectEvery", aliceTheSteward, []string{"alice", "bob"}, []string{"own", "own", ""}},
		{"both ways as it opens", "ChatOpen", aliceWith("robot"), []string{"alice", "bob"}, []string{"support", "support", "support"}},
		{"both ways by its first message", "ChatFirst", aliceWith("robot"), []string{"bob", "alice"}, []string{"support", "support", "support"}},
		{"both ways by every message", "ChatEvery", aliceWith("robot"), []string{"bob", "alice", "bob"}, []string{"support", "support", "own", "support"}},
	} {
		caller.Store(test.caller)
		asked := make([]any, len(test.owners))
		for i, owner := range test.owners {
			asked[i] = owned(owner)
		}
		fixture.through(t, grantService+test.method, func(t *testing.T, way way) {
			answer := fixture.ask(t.Context(), way, grantService+test.method, "", asked...)
			if answer.err != nil {
				t.Fatalf("%s: %v", test.name, answer.err)
			}
			var got []string
			for _, response := range answer.responses {
				got = append(got, response.GetOwners()...)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s: the grants (-want +got):\n%s", test.name, diff)
			}
		})
	}
}

// After a recheck a handler reads the grant that lets the caller in now. Only the call of
// a server stream keeps what opened it.
func TestGrantAfterRecheck(t *testing.T) {
	t.Parallel()
	var caller atomic.Pointer[authn.Principal]
	fixture, granter := grantFixture(t, &caller)
	for _, way := range []way{fixture.ways[0], fixture.ways[4], fixture.ways[len(fixture.ways)-1]} {
		for _, when := range []string{"Open", "First", "Every"} {
			// looks are those of the caller, each with what is found of the caller.
			looks := []*authn.Principal{aliceWith("robot", "owner"), aliceWith("owner"), aliceTheSteward, aliceWith("robot")}
			grants := []string{"support", "admin", "", "support"}

			fixture.alone(t, "Watch"+when+"/"+way.name, func(t *testing.T) {
				caller.Store(looks[0])
				client := fixture.grantStream(t, way, "Watch"+when)
				if err := errors.Join(client.Send(owned("bob")), client.CloseSend()); err != nil {
					t.Fatal(err)
				}
				for i, look := range looks {
					if i > 0 {
						caller.Store(look)
						fixture.registry.Recheck("alice")
						granter.next <- struct{}{}
					}
					expectGranted(t, client)
					expectGranted(t, client, "support", grants[i])
				}
			})
			fixture.alone(t, "Chat"+when+"/"+way.name, func(t *testing.T) {
				caller.Store(looks[0])
				client := fixture.grantStream(t, way, "Chat"+when)
				sent := make(chan error, 1)
				go func() { sent <- client.Send(owned("bob")) }()
				expectGranted(t, client, grants[0]) // of the opening
				expectGranted(t, client, grants[0])
				if err := <-sent; err != nil {
					t.Fatal(err)
				}
				for i, look := range looks[1:] {
					caller.Store(look)
					fixture.registry.Recheck("alice")
					if err := client.Send(owned("bob")); err != nil {
						t.Fatal(err)
					}
					expectGranted(t, client, grants[i+1])
				}
				if when == "Every" { // and the next message has a grant of its own
					if err := client.Send(owned("alice")); err != nil {
						t.Fatal(err)
					}
					expectGranted(t, client, "own")
				}
			})
			fixture.alone(t, "Collect"+when+"/"+way.name, func(t *testing.T) {
				fixture.take()
				caller.Store(looks[0])
				client := fixture.grantStream(t, way, "Collect"+when)
				if err := client.Send(owned("bob")); err != nil {
					t.Fatal(err)
				}
				fixture.await(t, "allow at handle")
				caller.Store(looks[1])
				fixture.registry.Recheck("alice")
				if err := errors.Join(client.Send(owned("bob")), client.CloseSend()); err != nil {
					t.Fatal(err)
				}
				response := new(testv1.Response)
				if err := client.Receive(response); err != nil {
					t.Fatal(err)
				}
				// It may read the first two while the recheck is under way.
				if got := response.GetOwners(); len(got) != 3 || got[2] != grants[1] {
					t.Errorf("the grants are %q, want the last to be %q", got, grants[1])
				}
			})
		}
	}
}

func (h *fixture) grantStream(t *testing.T, way way, method string) connect.ClientStream {
	t.Helper()
	client := must(way.client.CallClientStream(t.Context(), h.specs[grantService+method]))
	t.Cleanup(func() { client.Close() })
	return client
}

// expectGranted receives a response that says by which grants.
func expectGranted(t *testing.T, client connect.ClientStream, want ...string) {
	t.Helper()
	response := new(testv1.Response)
	if err := client.Receive(response); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, response.GetOwners()); diff != "" {
		t.Fatalf("the grants (-want +got):\n%s", diff)
	}
}

// Calls that a test makes were let in by no grant.
func TestGrantOfTestCalls(t *testing.T) {
	t.Parallel()
	principal := aliceWith()
	bidi, _ := actiontest.NewBidiStream[testv1.Request, testv1.Response](t, principal, actiontest.Requests[testv1.Request]())
	server, _ := actiontest.NewServerStream[testv1.Response](t)
	for name, got := range map[string]string{
		"a call":          actiontest.NewCall(t, principal, owned("alice")).Grant(),
		"a client stream": actiontest.NewClientStream(t, principal, actiontest.Requests(owned("alice"))).Grant(),
		"a server stream": server.Grant(),
		"both ways":       bidi.Grant(),
	} {
		if got != "" {
			t.Errorf("%s: the grant is %q", name, got)
		}
	}
}
