package action_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
)

// A faultyRecorder keeps no event.
type faultyRecorder struct {
	enabled func() bool
	record  func() error
}

func (f faultyRecorder) Enabled(context.Context, event.Kind, event.Outcome) bool {
	return f.enabled()
}

func (f faultyRecorder) Record(context.Context, *event.Event) error { return f.record() }

func yes() bool { return true }

// faultyRecorders are recorders that do not keep what they are given.
var faultyRecorders = map[string]faultyRecorder{
	"fails":             {yes, func() error { return errors.New("the disk is full") }},
	"panics":            {yes, func() error { panic(planted) }},
	"panics when asked": {func() bool { panic(planted) }, func() error { return errors.New("the disk is full") }},
	"panics always":     {func() bool { panic(planted) }, func() error { panic(planted) }},
}

// A call whose event a required recorder does not keep does not run; with any other
// recorder it runs, and the event goes to the default logger. This test sets that
// logger, so it cannot run beside others.
func TestFaultyRecorder(t *testing.T) { //nolint:paralleltest // it changes what the process has one of
	var log bytes.Buffer
	before := slog.Default()
	defer slog.SetDefault(before)
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	ran := func(fixture *fixture) bool {
		events, _ := fixture.take()
		return slices.Contains(events, "handle")
	}
	for name, recorder := range faultyRecorders {
		required, optional := newFixture(t, action.WithRequiredRecorder(recorder)), newFixture(t, action.WithRecorder(recorder))
		for _, procedure := range append([]string{unary("Public")}, shapes...) {
			t.Run(name+"/"+methodName(procedure), func(t *testing.T) {
				way := required.ways[len(required.ways)-1]
				log.Reset()
				got := required.ask(t.Context(), way, procedure, as("session", "alice"), owned("alice"))
				if connect.CodeOf(got.err) != connect.CodeUnavailable || len(got.responses) > 0 || ran(required) {
					t.Errorf("required: got %v, %v", got.responses, got.err)
				}
				if text := log.String(); !strings.Contains(text, "msg=fault") || strings.Contains(text, planted) {
					t.Errorf("required: the log is %s", text)
				}
				log.Reset()
				got = optional.ask(t.Context(), optional.ways[len(optional.ways)-1], procedure, as("session", "alice"), owned("alice"))
				if got.err != nil || !ran(optional) {
					t.Errorf("optional: got %v", got.err)
				}
				text := log.String()
				if strings.Count(text, "msg=fault") != 2 || strings.Count(text, "msg=ended") != 1 || strings.Contains(text, planted) {
					t.Errorf("optional: the log is %s", text)
				}
				// A denial stays one.
				if procedure != unary("Public") {
					got = optional.ask(t.Context(), optional.ways[len(optional.ways)-1], procedure, as("session", "visitor"), owned("alice"))
					if connect.CodeOf(got.err) != connect.CodePermissionDenied || ran(optional) {
						t.Errorf("denied: got %v", got.err)
					}
				}
			})
		}
	}
}

// A required recorder that keeps events lets calls run, also where it says that it
// needs none.
func TestRequiredRecorder(t *testing.T) {
	t.Parallel()
	kept := 0
	quiet := faultyRecorder{func() bool { return false }, func() error { kept++; return nil }}
	fixture := newFixture(t, action.WithRequiredRecorder(quiet))
	for i, procedure := range shapes {
		got := fixture.ask(t.Context(), fixture.ways[len(fixture.ways)-1], procedure, as("session", "alice"), owned("alice"))
		if got.err != nil || kept != i+1 {
			t.Errorf("%s: got %v, and %d events were kept", procedure, got.err, kept)
		}
	}
	if _, err := action.NewRegistry(nil, action.WithRequiredRecorder(nil)); err == nil {
		t.Error("a nil recorder is accepted")
	}
}

// A message of a stream whose event is asked for and not kept does not arrive.
func TestRequiredMessageEvents(t *testing.T) {
	t.Parallel()
	recorded := 0
	recorder := faultyRecorder{yes, func() error {
		if recorded++; recorded > 1 {
			return errors.New("the disk is full")
		}
		return nil
	}}
	fixture := newFixture(t, action.WithRequiredRecorder(recorder), action.WithMessageEvents())
	got := fixture.ask(t.Context(), fixture.ways[len(fixture.ways)-1], stream("CollectEvery"), as("session", "alice"), owned("alice"), owned("alice"))
	if connect.CodeOf(got.err) != connect.CodeUnavailable {
		t.Errorf("got %v", got.err)
	}
	fixture.expect(t, "ask session", "handle", "receive alice")
}

// Events have the values that conditions read where that is asked for, and only then.
func TestEventValues(t *testing.T) {
	t.Parallel()
	fixture := eventful(t, action.WithEventValues())
	way := fixture.ways[len(fixture.ways)-1]
	asked := owned("alice")
	asked.Secret, asked.Tags = planted, []string{"a"}
	own := &event.Values{Reads: []string{"principal.id", "request.owner"}, Request: owned("alice")}
	roles := &event.Values{Reads: []string{"principal.roles"}, Roles: []string{"owner"}}
	every := func(of *event.Values, with ...string) []*event.Values {
		var values []*event.Values
		for range with {
			values = append(values, of)
		}
		return append(values, nil) // of the end
	}
	for procedure, want := range map[string][]*event.Values{
		unary("Own"):           every(own, "decided"),
		unary("Public"):        every(&event.Values{}, "decided"),
		stream("WatchOpen"):    every(roles, "opened"),
		stream("CollectFirst"): every(own, "opened"),
		stream("ChatEvery"):    every(own, "opened"),
		unary("Checked"): every(&event.Values{
			Reads: []string{"principal.roles", "check is_open"}, Roles: []string{"owner"}, Answers: map[string]bool{"is_open": true},
		}, "decided"),
	} {
		if got := fixture.ask(t.Context(), way, procedure, as("session", "alice"), asked); got.err != nil {
			t.Fatal(got.err)
		}
		fixture.take()
		var got []*event.Values
		for _, event := range fixture.takeEvents() {
			got = append(got, event.Values)
		}
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("%s: values (-want +got):\n%s", procedure, diff)
		}
	}
	fixture.alone(t, "of a denial", func(t *testing.T) {
		fixture.ask(t.Context(), way, unary("Own"), as("session", "visitor"), asked)
		if got := fixture.expectEvents(t, unary("Own"), "decided deny permission_denied")[0].Values; !cmp.Equal(own, got, protocmp.Transform()) {
			t.Errorf("got %+v", got)
		}
		fixture.ask(t.Context(), way, unary("Own"), "", asked)
		if got := fixture.expectEvents(t, unary("Own"), "decided deny unauthenticated")[0].Values; got != nil {
			t.Errorf("nothing was decided on grants, and yet %+v", got)
		}
	})
	fixture.alone(t, "of a message", func(t *testing.T) {
		other := owned("bob")
		fixture.ask(t.Context(), way, stream("CollectEvery"), as("session", "alice"), asked, other)
		got := fixture.expectEvents(t, stream("CollectEvery"), "opened allow", "message deny permission_denied", "ended deny permission_denied")[1].Values
		if want := (&event.Values{Reads: own.Reads, Request: other}); !cmp.Equal(want, got, protocmp.Transform()) {
			t.Errorf("got %+v", got)
		}
	})
	fixture.alone(t, "of a question", func(t *testing.T) {
		alice := authn.NewPrincipal("alice", authn.Details{Unscoped: true, Scheme: "session"})
		fixture.registry.May(t.Context(), alice, action.Question{Procedure: unary("Own"), Request: asked})
		if got := fixture.expectEvents(t, unary("Own"), "question allow")[0].Values; !cmp.Equal(own, got, protocmp.Transform()) {
			t.Errorf("got %+v", got)
		}
	})
}

// A call that no recorder wants allocates nothing for events.
func TestUnwantedEventsAreFree(t *testing.T) { //nolint:paralleltest // it counts what the process allocates
	allocations := func(wanted bool) float64 {
		fixture := newFixture(t, action.WithRecorder(faultyRecorder{func() bool { return wanted }, func() error { return nil }}))
		fixture.session.answer = answers(people["alice"], nil)
		server := connect.NewServer()
		server.Register(must(fixture.registry.Methods())...)
		return testing.AllocsPerRun(200, func() {
			if err := server.Call(t.Context(), unary("Own"), nil, sends{owned("alice")}); err != nil {
				t.Error(err)
			}
			fixture.take()
		})
	}
	// An event, who is calling, and the call's id, twice over but for the id.
	if unwanted, wanted := allocations(false), allocations(true); wanted-unwanted < 4 {
		t.Errorf("%v allocations for events that are not wanted, and %v for those that are", unwanted, wanted)
	}
}
