package action_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
)

// shapes has an action of every shape that authenticates, and of every time at which a
// stream is authorized.
var shapes = []string{
	unary("Own"), stream("WatchOpen"), stream("WatchFirst"), stream("WatchEvery"), stream("CollectOpen"), stream("CollectFirst"),
	stream("CollectEvery"), stream("ChatOpen"), stream("ChatFirst"), stream("ChatEvery"),
}

func isStream(procedure string) bool { return strings.Contains(procedure, "StreamService") }

// readsStream reports whether an action receives several messages.
func readsStream(procedure string) bool {
	return strings.Contains(procedure, "Collect") || strings.Contains(procedure, "Chat")
}

// kindsOf writes events as "kind outcome code".
func kindsOf(events []event.Event) []string {
	var kinds []string
	for _, event := range events {
		kind := fmt.Sprintf("%s %s", event.Kind, event.Outcome)
		if event.Code != 0 {
			kind += " " + event.Code.String()
		}
		kinds = append(kinds, kind)
	}
	return kinds
}

// eventful is a fixture that notes all events.
func eventful(t *testing.T, options ...action.RegistryOption) *fixture {
	t.Helper()
	fixture := newFixture(t, options...)
	fixture.ends.Store(true)
	return fixture
}

// expectEvents compares the events since the last time with what is wanted, and the
// parts of them that all of one call have in common.
func (h *fixture) expectEvents(t *testing.T, procedure string, want ...string) []event.Event {
	t.Helper()
	h.take()
	events := h.takeEvents()
	if diff := cmp.Diff(want, kindsOf(events)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	for _, event := range events {
		if event.Procedure != procedure || event.CallID == "" || event.CallID != events[0].CallID || event.Contract != h.registry.Fingerprint() || event.Time.IsZero() {
			t.Errorf("the event is %+v", event)
		}
	}
	return events
}

// Each thing that happens to a call leaves one event, in every shape.
func TestEvents(t *testing.T) {
	t.Parallel()
	fixture := eventful(t)
	way := fixture.ways[len(fixture.ways)-1]
	for _, procedure := range shapes {
		admitted := "decided allow"
		if isStream(procedure) {
			admitted = "opened allow"
		}
		fixture.alone(t, methodName(procedure), func(t *testing.T) {
			*fixture.handlers = handlers{recorder: fixture.recorder}
			got := fixture.ask(t.Context(), way, procedure, as("session", "alice"), owned("alice"))
			if got.err != nil {
				t.Fatal(got.err)
			}
			for _, event := range fixture.expectEvents(t, procedure, admitted, "ended allow") {
				if event.PrincipalID != "alice" || event.Scheme != "session" || event.Grant != "allow[0]" || event.Err != nil || event.Reason != "" || event.Values != nil {
					t.Errorf("the event is %+v", event)
				}
			}
			fixture.ask(t.Context(), way, procedure, as("session", "visitor"), owned("alice"))
			fixture.expectEvents(t, procedure, "decided deny permission_denied")
			fixture.ask(t.Context(), way, procedure, "", owned("alice"))
			fixture.expectEvents(t, procedure, "decided deny unauthenticated")
		})
		fixture.alone(t, methodName(procedure)+", which fails", func(t *testing.T) {
			cause := errors.New("no such table")
			fixture.handlers.fails(cause)
			fixture.ask(t.Context(), way, procedure, as("session", "alice"), owned("alice"))
			events := fixture.expectEvents(t, procedure, admitted, "ended deny unknown")
			if end := events[len(events)-1]; !errors.Is(end.Err, cause) || end.Reason != "the handler returned an error" {
				t.Errorf("the end is %+v", end)
			}
			fixture.handlers.fails(connect.NewError(connect.CodeAborted, "try again"))
			fixture.ask(t.Context(), way, procedure, as("session", "alice"), owned("alice"))
			events = fixture.expectEvents(t, procedure, admitted, "ended allow aborted")
			if end := events[len(events)-1]; end.Err != nil {
				t.Errorf("the end is %+v", end)
			}
		})
	}
}

// fails has all handlers return an error.
func (h *handlers) fails(err error) {
	h.unary = func(context.Context, *call) (*testv1.Response, error) { return nil, err }
	h.watch = func(context.Context, *testv1.Request, *responses) error { return err }
	h.collect = func(context.Context, receiver) (*testv1.Response, error) { return nil, err }
	h.chat = func(context.Context, talker) error { return err }
}

// A later message leaves an event when it is refused, and else only where that is asked
// for.
func TestMessageEvents(t *testing.T) {
	t.Parallel()
	invalid := owned("alice")
	invalid.First = 101
	for _, asked := range []bool{false, true} {
		var options []action.RegistryOption
		if asked {
			options = append(options, action.WithMessageEvents())
		}
		fixture := eventful(t, options...)
		for _, procedure := range shapes {
			if !readsStream(procedure) {
				continue
			}
			fixture.alone(t, fmt.Sprintf("%s, asked for %t", methodName(procedure), asked), func(t *testing.T) {
				// Of an OPEN stream all messages come after the decision.
				later := 2
				if strings.HasSuffix(procedure, "Open") {
					later = 3
				}
				for _, way := range []way{fixture.ways[0], fixture.ways[len(fixture.ways)-1]} {
					want := []string{"opened allow"}
					if asked {
						want = append(want, slices.Repeat([]string{"message allow"}, later)...)
					}
					fixture.ask(t.Context(), way, procedure, as("session", "alice"), owned("alice"), owned("alice"), owned("alice"))
					fixture.expectEvents(t, procedure, append(want, "ended allow")...)

					fixture.ask(t.Context(), way, procedure, as("session", "alice"), owned("alice"), owned("alice"), invalid)
					if asked {
						want = want[:len(want)-1]
					}
					fixture.expectEvents(t, procedure, append(want, "message deny invalid_argument", "ended deny invalid_argument")...)
				}
			})
		}
	}
}

// What ends a stream that was let in leaves an event, and then the end.
func TestRecheckEvents(t *testing.T) {
	t.Parallel()
	fixture := eventful(t)
	for _, procedure := range []string{stream("WatchOpen"), stream("CollectOpen"), stream("ChatOpen")} {
		fixture.session.answer = nil
		client := fixture.live(t, fixture.ways[len(fixture.ways)-1], procedure)
		fixture.session.answer = answers(nil, authn.InvalidCredential("revoked"))
		fixture.registry.Recheck("alice")
		if err := client.Receive(new(testv1.Response)); connect.CodeOf(err) != connect.CodeUnauthenticated {
			t.Errorf("%s: got %v", procedure, err)
		}
		fixture.await(t, "ended")
		fixture.expectEvents(t, procedure, "opened allow", "recheck deny unauthenticated", "ended deny unauthenticated")
	}
}

// The caller's own id of a request is kept beside ours, cut and escaped.
func TestRequestID(t *testing.T) {
	t.Parallel()
	fixture := eventful(t)
	for sent, want := range map[string]string{
		"":                       "",
		"7f3e":                   "7f3e",
		"a b\"c":                 `a b"c`,
		"a\\n\tþ":                `a\x5cn\x09\xc3\xbe`,
		strings.Repeat("x", 200): strings.Repeat("x", 128),
		strings.Repeat("\t", 99): strings.Repeat(`\x09`, 32),
	} {
		ctx, info := connect.NewClientContext(t.Context())
		info.RequestHeader().Set("Authorization", as("session", "alice"))
		info.RequestHeader().Set("X-Request-Id", sent)
		if err := fixture.ways[len(fixture.ways)-1].client.CallUnary(ctx, fixture.specs[unary("Own")], owned("alice"), new(testv1.Response)); err != nil {
			t.Fatal(err)
		}
		for _, event := range fixture.expectEvents(t, unary("Own"), "decided allow", "ended allow") {
			if event.RequestID != want || strings.Contains(event.CallID, "7f3e") {
				t.Errorf("%q is kept as %q", sent, event.RequestID)
			}
		}
	}
}

// Calls refused before a gate are recorded by what serves the registry.
func TestRefusedEvents(t *testing.T) {
	t.Parallel()
	fixture := eventful(t)
	peer := &authn.Peer{Address: netip.MustParseAddr("10.0.0.1")}
	asked := event.Event{Kind: event.Decided, CallID: "mine", RequestID: "a\n", Peer: peer, Values: &event.Values{}}
	asked.Decision = event.Decision{
		Procedure: "/a.B/C\n", Outcome: event.Allow, Code: connect.CodeUnimplemented, Reason: "nothing serves it\x1b", PrincipalID: "alice", Err: errors.New("x"),
	}
	fixture.registry.RecordRefused(t.Context(), asked)
	got := fixture.expectEvents(t, `/a.B/C\x0a`, "refused deny unimplemented")[0]
	if got.CallID == "mine" {
		t.Error("the call's id is not ours")
	}
	got.CallID = ""
	want := event.Event{Kind: event.Refused, RequestID: `a\x0a`, Peer: peer, Contract: fixture.registry.Fingerprint()}
	want.Decision = event.Decision{Procedure: `/a.B/C\x0a`, Code: connect.CodeUnimplemented, Reason: `nothing serves it\x1b`, Time: noon}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("the event (-want +got):\n%s", diff)
	}
	unsealed := must(action.NewRegistry(nil, action.WithRecorder(fixture.recorder)))
	unsealed.RecordRefused(t.Context(), asked)
	if events := fixture.takeEvents(); len(events) > 0 {
		t.Errorf("a registry that does not serve leaves %+v", events)
	}
}

func TestEventKinds(t *testing.T) {
	t.Parallel()
	names := map[event.Kind]string{
		0: "none", event.Decided: "decided", event.Opened: "opened", event.Message: "message", event.Recheck: "recheck",
		event.Ended: "ended", event.Refused: "refused", event.Question: "question", event.Fault: "fault", event.Shadowed: "shadowed", 99: "unknown",
	}
	for kind, want := range names {
		if got := kind.String(); got != want {
			t.Errorf("%d is %q, want %q", kind, got, want)
		}
	}
}

// The fingerprint is of all that is served, and does not depend on the order in which
// services were registered.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	first, second := eventful(t), eventful(t)
	if got := first.registry.Fingerprint(); len(got) != 64 || got != second.registry.Fingerprint() {
		t.Errorf("got %q, then %q", got, second.registry.Fingerprint())
	}
	empty := must(action.NewRegistry(nil))
	if got := empty.Fingerprint(); got != "" {
		t.Errorf("a registry that is not sealed has fingerprint %q", got)
	}
	if err := empty.Seal(); err != nil {
		t.Fatal(err)
	}
	if got := empty.Fingerprint(); len(got) != 64 || got == first.registry.Fingerprint() {
		t.Errorf("an empty registry has fingerprint %q", got)
	}
}
