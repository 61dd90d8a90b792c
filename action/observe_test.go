package action_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"connectrpc.com/connect/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
)

// observer keeps observations.
type observer struct {
	mu   sync.Mutex
	kept []event.Observation
}

func (o *observer) Observe(_ context.Context, observation event.Observation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept = append(o.kept, observation)
}

func (o *observer) take() []event.Observation {
	o.mu.Lock()
	defer o.mu.Unlock()
	kept := o.kept
	o.kept = nil
	return kept
}

// bursting is an observer that panics.
type bursting struct{}

func (bursting) Observe(context.Context, event.Observation) { panic("an observer") }

// TestCallID gives the events of a call the id that it has before its gate, and no other
// call's.
func TestCallID(t *testing.T) {
	t.Parallel()
	server := connect.NewServer()
	var outer string
	server.Register(
		connect.Method{Spec: connect.Spec{Procedure: "/test.v1.Names/Outer"}, Handler: func(ctx context.Context, _ connect.Spec, stream connect.ServerStream) error {
			ctx, outer = action.WithCallID(ctx)
			if outer == "" || action.CallID(ctx) != outer {
				t.Errorf("got %q, then %q", outer, action.CallID(ctx))
			}
			if _, again := action.WithCallID(ctx); again != outer {
				t.Errorf("a call is named twice: %q and %q", outer, again)
			}
			return server.Call(ctx, "/test.v1.Names/Inner", nil, stream)
		}},
		connect.Method{Spec: connect.Spec{Procedure: "/test.v1.Names/Inner"}, Handler: func(ctx context.Context, _ connect.Spec, _ connect.ServerStream) error {
			if got := action.CallID(ctx); got != "" {
				t.Errorf("a call that the handler makes has the id %q", got)
			}
			if _, other := action.WithCallID(ctx); other == outer || other == "" {
				t.Errorf("a call that the handler makes is named %q", other)
			}
			return nil
		}},
	)
	if err := server.Call(t.Context(), "/test.v1.Names/Outer", nil, nil); err != nil {
		t.Fatal(err)
	}
	if got := action.CallID(t.Context()); got != "" {
		t.Errorf("no call has the id %q", got)
	}
}

// TestObserve gives an observer one observation for each event, whether the recorder
// keeps it or not, and the steps that ran.
func TestObserve(t *testing.T) {
	t.Parallel()
	observer := &observer{}
	fixture := eventful(t)
	fixture.registry.Observe(nil)
	fixture.registry.Observe(bursting{})
	fixture.registry.Observe(observer)
	way := fixture.ways[len(fixture.ways)-1]
	for _, procedure := range shapes {
		admitted := "decided allow"
		if isStream(procedure) {
			admitted = "opened allow"
		}
		for _, test := range []struct {
			name, credential string
			want             []string
			steps            []string
		}{
			{"let in", as("session", "alice"), []string{admitted, "ended allow"}, []string{"authenticate", "authorize"}},
			{"denied", as("session", "visitor"), []string{"decided deny permission_denied"}, []string{"authenticate", "authorize"}},
			{"unknown", "", []string{"decided deny unauthenticated"}, []string{"authenticate"}},
		} {
			fixture.alone(t, methodName(procedure)+", "+test.name, func(t *testing.T) {
				*fixture.handlers = handlers{recorder: fixture.recorder}
				observer.take()
				fixture.ask(t.Context(), way, procedure, test.credential, owned("alice"))
				fixture.expectEvents(t, procedure, test.want...)
				var got []string
				for _, observed := range observer.take() {
					kind := fmt.Sprintf("%s %s", observed.Kind, observed.Outcome)
					if observed.Code != 0 {
						kind += " " + observed.Code.String()
					}
					got = append(got, kind)
					if observed.Procedure != procedure || observed.Stream != isStream(procedure) {
						t.Errorf("observed %+v", observed)
					}
					if observed.Kind == event.Ended {
						continue
					}
					if grant := observed.Grant; (grant == "allow[0]") != (observed.Outcome == event.Allow) {
						t.Errorf("the grant is %q", grant)
					}
					for _, step := range test.steps {
						if !slices.Contains(steps(observed), step) {
							t.Errorf("step %s took no time: %v", step, observed.Steps)
						}
					}
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("observations (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// TestObserveShed reports to observers a call for which the server had no room: by its
// procedure where the registry has that, and else by none, as the name is a stranger's.
func TestObserveShed(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	observer := &observer{}
	fixture.registry.Observe(observer)
	fixture.registry.RecordShed(t.Context(), unary("Own"))
	fixture.registry.RecordShed(t.Context(), "/made.up.Service/Name")
	shed := event.Observation{Kind: event.Refused, Code: connect.CodeResourceExhausted, Shed: true}
	known := shed
	known.Procedure = unary("Own")
	if diff := cmp.Diff([]event.Observation{known, shed}, observer.take()); diff != "" {
		t.Errorf("observations (-want +got):\n%s", diff)
	}
}

// steps names the steps that took time.
func steps(observation event.Observation) []string {
	var names []string
	for stage, took := range observation.Steps {
		if took > 0 {
			names = append(names, event.Stage(stage).String())
		}
	}
	return names
}
