package action_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1client"
)

func (h *handlers) TriedOwn(ctx context.Context, call *call) (*testv1.Response, error) {
	return h.doUnary(ctx, call)
}

func (h *handlers) TriedAnyone(ctx context.Context, call *call) (*testv1.Response, error) {
	return h.doUnary(ctx, call)
}

func (h *handlers) TriedWatch(ctx context.Context, call *call, out *responses) error {
	return h.doWatch(ctx, call.Principal().ID(), call.Message(), out)
}

func (h *handlers) TriedChat(ctx context.Context, in *dialogue) error {
	return h.doChat(ctx, in.Principal().ID(), in)
}

// shadowsSeen notes what observers are given of shadows.
type shadowsSeen struct {
	mu   sync.Mutex
	seen []string
}

func (s *shadowsSeen) Observe(_ context.Context, of event.Observation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if of.Kind == event.Shadowed {
		s.seen = append(s.seen, of.Outcome.String()+" "+of.Shadow.String())
	}
}

func (s *shadowsSeen) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen
	s.seen = nil
	return seen
}

// newShadowFixture serves the actions with shadows alone.
func newShadowFixture(tb testing.TB) (*fixture, *shadowsSeen) {
	tb.Helper()
	recorder := &recorder{}
	fixture := &fixture{
		recorder: recorder,
		handlers: &handlers{recorder: recorder},
		session:  &fakeAuthenticator{recorder: recorder, scheme: "session"},
		bearer:   &fakeAuthenticator{recorder: recorder, scheme: "bearer"},
		now:      &atomic.Pointer[time.Time]{},
		specs:    map[string]connect.Spec{},
	}
	fixture.now.Store(&noon)
	fixture.ends.Store(true)
	fixture.bearer.answer = func(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
		scopes, ok := map[string][]string{"bearer reads": {"items.read"}, "bearer writes": {"items.write"}}[call.RequestHeader().Get("Authorization")]
		if !ok {
			return nil, authn.ErrNoCredential
		}
		return authn.NewPrincipal("alice", authn.Details{Scopes: scopes}), nil
	}
	fixture.registry = must(action.NewRegistry(authn.Schemes{"session": fixture.session, "bearer": fixture.bearer},
		action.WithRecorder(recorder), actiontest.WithClock(tb, func() time.Time { return *fixture.now.Load() })))
	if err := testv1action.RegisterShadowService(fixture.registry, fixture.handlers); err != nil {
		tb.Fatal(err)
	}
	fixture.registry.WaitForShadows()
	seen := &shadowsSeen{}
	fixture.registry.Observe(seen)
	fixture.open(tb, must(fixture.registry.Methods()))
	return fixture, seen
}

func tried(method string) string { return "/" + testv1client.ShadowServiceName + "/" + method }

// TestShadow has shadows differ from what is in force, every way in: the answer and the
// handler are those of the decision in force, and the event has the difference.
func TestShadow(t *testing.T) {
	t.Parallel()
	fixture, seen := newShadowFixture(t)
	for _, test := range []struct {
		name, method, as string
		requests         []any
		code             connect.Code // 0 where the caller is let in
		events           []string     // each with its shadow
		observed         []string
	}{
		{"lets in, would deny", "TriedOwn", as("session", "visitor"), []any{owned("visitor")}, 0,
			[]string{"decided allow would_deny", "ended allow would_deny"}, []string{"allow would_deny"}},
		{"denies, would allow", "TriedOwn", as("session", "editor"), []any{owned("alice")}, connect.CodePermissionDenied,
			[]string{"decided deny would_allow"}, []string{"deny would_allow"}},
		{"both let in", "TriedOwn", as("session", "editor"), []any{owned("editor")}, 0,
			[]string{"decided allow same", "ended allow same"}, []string{"allow same"}},
		{"both deny", "TriedOwn", as("session", "visitor"), []any{owned("alice")}, connect.CodePermissionDenied,
			[]string{"decided deny same"}, []string{"deny same"}},
		{"a scoped credential that is enough", "TriedOwn", "bearer reads", []any{owned("alice")}, 0,
			[]string{"decided allow would_deny", "ended allow would_deny"}, []string{"allow would_deny"}},
		{"a scoped credential that is not enough", "TriedOwn", "bearer writes", []any{owned("alice")}, connect.CodePermissionDenied,
			[]string{"decided deny same"}, []string{"deny same"}},
		{"not authenticated", "TriedOwn", "", []any{owned("alice")}, connect.CodeUnauthenticated, []string{"decided deny "}, nil},
		{"invalid", "TriedOwn", as("session", "alice"), []any{owned("")}, connect.CodeInvalidArgument, []string{"decided deny "}, nil},

		{"anyone, and none of the shadow's grants", "TriedAnyone", as("session", "visitor"), []any{owned("alice")}, 0,
			[]string{"decided allow would_deny", "ended allow would_deny"}, []string{"allow would_deny"}},
		{"a check would decide, and is not asked", "TriedAnyone", as("session", "viewer"), []any{owned("alice")}, 0,
			[]string{"decided allow undecided", "ended allow undecided"}, []string{"allow undecided"}},
		{"a check would not matter", "TriedAnyone", as("session", "viewer"), []any{owned("viewer")}, 0,
			[]string{"decided allow same", "ended allow same"}, []string{"allow same"}},

		{"a stream as it opens", "TriedWatch", as("session", "viewer"), []any{owned("alice")}, 0,
			[]string{"opened allow would_deny", "ended allow would_deny"}, []string{"allow would_deny"}},
		{"a stream as it opens, the same", "TriedWatch", as("session", "owner"), []any{owned("alice")}, 0,
			[]string{"opened allow same", "ended allow same"}, []string{"allow same"}},
		{"a stream that is denied", "TriedWatch", as("session", "visitor"), []any{owned("alice")}, connect.CodePermissionDenied,
			[]string{"decided deny same"}, []string{"deny same"}},

		{"each message", "TriedChat", as("session", "viewer"), []any{owned("viewer"), owned("alice"), owned("viewer")}, 0,
			[]string{"opened allow same", "ended allow same"}, []string{"allow same", "allow would_deny", "allow same"}},
		{"a first message", "TriedChat", as("session", "viewer"), []any{owned("alice")}, 0,
			[]string{"opened allow would_deny", "ended allow would_deny"}, []string{"allow would_deny"}},
	} {
		fixture.alone(t, test.name, func(t *testing.T) {
			fixture.through(t, tried(test.method), func(t *testing.T, way way) {
				fixture.take()
				fixture.takeEvents()
				seen.take()
				got := fixture.ask(t.Context(), way, tried(test.method), test.as, test.requests...)
				if code := connect.CodeOf(got.err); got.err == nil && test.code != 0 || got.err != nil && code != test.code {
					t.Errorf("got %v, want code %v", got.err, test.code)
				}
				steps, _ := fixture.take()
				if ran := slices.Contains(steps, "handle"); ran != (test.code == 0) || slices.Contains(steps, "check") {
					t.Errorf("the steps are %q", steps)
				}
				var events []string
				for _, happened := range fixture.takeEvents() {
					events = append(events, happened.Kind.String()+" "+happened.Outcome.String()+" "+happened.Shadow.String())
				}
				if diff := cmp.Diff(test.events, events); diff != "" {
					t.Errorf("events (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(test.observed, seen.take()); diff != "" {
					t.Errorf("observed (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestShadowFails has shadows that panic, fail, do not decide, take too long or have no
// room be undecided, and their nearest neighbours decided.
func TestShadowFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const room = 2
		answer := func(allowed, decided bool, err error) func(context.Context) (bool, bool, error) {
			return func(context.Context) (bool, bool, error) { return allowed, decided, err }
		}
		after := func(wait time.Duration) func(context.Context) (bool, bool, error) {
			return func(context.Context) (bool, bool, error) {
				time.Sleep(wait) // it does not end with its context
				return false, true, nil
			}
		}
		over, cancel := context.WithCancel(t.Context())
		cancel()
		for name, test := range map[string]struct {
			ctx     context.Context
			taken   int
			suppose func(context.Context) (bool, bool, error)
			want    event.Shadow
		}{
			"it denies":               {t.Context(), 0, answer(false, true, nil), event.ShadowWouldDeny},
			"it allows":               {t.Context(), 0, answer(true, true, nil), event.ShadowSame},
			"it does not decide":      {t.Context(), 0, answer(true, false, nil), event.ShadowUndecided},
			"it fails":                {t.Context(), 0, answer(true, true, errors.New("no such table")), event.ShadowUndecided},
			"it panics":               {t.Context(), 0, func(context.Context) (bool, bool, error) { panic(planted) }, event.ShadowUndecided},
			"it takes 49 ms":          {t.Context(), 0, after(49 * time.Millisecond), event.ShadowWouldDeny},
			"it takes 51 ms":          {t.Context(), 0, after(51 * time.Millisecond), event.ShadowUndecided},
			"it takes an hour":        {t.Context(), 0, after(time.Hour), event.ShadowUndecided},
			"the caller is gone":      {over, 0, after(time.Millisecond), event.ShadowUndecided},
			"there is room for one":   {t.Context(), room - 1, answer(false, true, nil), event.ShadowWouldDeny},
			"there is no room for it": {t.Context(), room, answer(false, true, nil), event.ShadowUndecided},
		} {
			began := time.Now()
			got, left := action.Shadow(test.ctx, room, test.taken, true, test.suppose)
			if got != test.want {
				t.Errorf("%s: %q, want %q", name, got, test.want)
			}
			if took := time.Since(began); took > 50*time.Millisecond {
				t.Errorf("%s: the call waits for %v", name, took)
			}
			time.Sleep(2 * time.Hour) // until it is done, in the bubble's time
			synctest.Wait()
			if left() != room-test.taken {
				t.Errorf("%s: there is room for %d, want %d", name, left(), room-test.taken)
			}
		}
	})
}

// TestShadowOfARecheck looks at a stream again. Its shadow was evaluated when the stream was
// let in, and is not again.
func TestShadowOfARecheck(t *testing.T) {
	t.Parallel()
	fixture, seen := newShadowFixture(t)
	client := fixture.live(t, fixture.ways[len(fixture.ways)-1], tried("TriedWatch"))
	if got := seen.take(); len(got) != 1 {
		t.Errorf("as it opened there were the shadows %q", got)
	}
	fixture.take()
	again := make(chan event.Observation, 1)
	fixture.registry.Observe(rechecks(again))
	fixture.registry.Recheck("alice")
	if of := <-again; of.Outcome != event.Allow {
		t.Errorf("observed %+v", of)
	}
	if got := seen.take(); len(got) != 0 {
		t.Errorf("the recheck had the shadows %q", got)
	}
	client.Close()
}

// rechecks is an observer that passes rechecks on.
type rechecks chan event.Observation

func (r rechecks) Observe(_ context.Context, of event.Observation) {
	if of.Kind == event.Recheck {
		r <- of
	}
}

// leaves is an observer that calls a function when a shadow was evaluated, which is the last
// that happens before a stream is let in.
type leaves func()

func (l leaves) Observe(_ context.Context, of event.Observation) {
	if of.Kind == event.Shadowed {
		l()
	}
}

// TestLeavesAfterTheDecision has the caller of a stream leave after the grants have let it
// in. The handler does not run.
func TestLeavesAfterTheDecision(t *testing.T) {
	t.Parallel()
	for name, gone := range map[string]bool{"leaves": true, "stays": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fixture, _ := newShadowFixture(t)
			fixture.ends.Store(false)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if gone {
				fixture.registry.Observe(leaves(cancel))
			}
			server := connect.NewServer()
			server.Register(must(fixture.registry.Methods())...)
			info := &connect.CallInfo{}
			info.RequestHeader().Set("Authorization", as("session", "alice"))
			err := server.Call(ctx, tried("TriedWatch"), info, sends{owned("alice")})
			if !gone {
				if err != nil {
					t.Error(err)
				}
				fixture.expect(t, "ask session", "allow at handle", "handle")
				return
			}
			if connect.CodeOf(err) != connect.CodeCanceled {
				t.Errorf("it ended with %v", err)
			}
			events, decisions := fixture.take()
			if slices.Contains(events, "handle") || len(decisions) != 1 || decisions[0].Outcome != event.Deny || decisions[0].Code != connect.CodeCanceled {
				t.Errorf("%q: it left %+v", events, decisions)
			}
		})
	}
}
