package action_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiongen"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/internal/declare/declaretest"
)

// The ways in which an authentication ends without a principal.
var (
	noCredential = refused{code: connect.CodeUnauthenticated, text: textUnauthenticated, stage: event.StageAuthenticate, reason: "no credential offered that the action takes"}
	unavailable  = refused{code: connect.CodeUnavailable, text: textUnavailable, stage: event.StageAuthenticate, reason: "session: unavailable", fault: true}
	aFault       = refused{code: connect.CodeInternal, text: textInternal, stage: event.StageAuthenticate, reason: "session: a fault", fault: true}
	noPrincipal  = refused{code: connect.CodeInternal, text: textInternal, stage: event.StageAuthenticate, reason: "a fault", fault: true}
)

func invalid(reason string) refused {
	return refused{code: connect.CodeUnauthenticated, text: textUnauthenticated, stage: event.StageAuthenticate, reason: "session: " + reason}
}

// TestAuthenticator has a row for everything that an authenticator can answer.
// Every answer but a principal alone denies.
func TestAuthenticator(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	alice := people["alice"]
	var noMap map[string]int
	for _, test := range []struct {
		name   string
		answer func(context.Context, *connect.CallInfo) (*authn.Principal, error)
		want   refused
	}{
		{"nothing at all", answers(nil, nil), noPrincipal},
		{"a zero principal", answers(new(authn.Principal), nil), noPrincipal},
		{"a principal without an id", answers(authn.NewPrincipal("", authn.Details{Unscoped: true, Roles: []string{"owner"}}), nil), noPrincipal},

		{"no credential", answers(nil, authn.ErrNoCredential), noCredential},
		{"no credential, wrapped", answers(nil, fmt.Errorf("cookie: %w", authn.ErrNoCredential)), noCredential},
		{"an invalid credential", answers(nil, authn.InvalidCredential("unknown session")), invalid("invalid credential: unknown session")},
		{"an invalid credential, without a reason", answers(nil, authn.InvalidCredential("")), invalid("invalid credential")},
		{"an invalid credential, wrapped", answers(nil, fmt.Errorf("cookie: %w", authn.ErrInvalidCredential)), invalid("cookie: invalid credential")},
		{
			"an invalid credential, at length", answers(nil, authn.InvalidCredential(strings.Repeat("x", 1<<20))),
			invalid("invalid credential: " + strings.Repeat("x", 2<<10-len("session: invalid credential: ")-len("%E2%80%A6")) + "…"),
		},
		{"unavailable", answers(nil, authn.Unavailable(errors.New("refused"))), unavailable},
		{"unavailable, without a cause", answers(nil, authn.Unavailable(nil)), unavailable},
		{"unavailable, wrapped", answers(nil, fmt.Errorf("store: %w", authn.ErrUnavailable)), unavailable},
		{"a store's own deadline", answers(nil, fmt.Errorf("store: %w", context.DeadlineExceeded)), unavailable},
		{"another call's cancellation", answers(nil, context.Canceled), aFault},
		{"an unknown error", answers(nil, errors.New("no such table")), aFault},
		{"an error of connect's", answers(nil, connect.NewError(connect.CodeNotFound, planted+" in clear")), aFault},

		// A mixed answer is as bad as the worst of it.
		{"no credential and an invalid one", answers(nil, errors.Join(authn.ErrNoCredential, authn.InvalidCredential("bad"))), invalid("no credential offered\ninvalid credential: bad")},
		{"unavailable for want of a credential", answers(nil, authn.Unavailable(authn.ErrNoCredential)), unavailable},
		{"a principal and no credential", answers(alice, authn.ErrNoCredential), aFault},
		{"a principal and an invalid credential", answers(alice, authn.InvalidCredential("revoked")), invalid("invalid credential: revoked")},
		{"a principal and unavailable", answers(alice, authn.Unavailable(nil)), unavailable},
		{"a principal and an error", answers(alice, errors.New("no such table")), aFault},

		{"a panic", func(context.Context, *connect.CallInfo) (*authn.Principal, error) { panic("at the gate") }, noPrincipal},
		{"a panic of the runtime", func(context.Context, *connect.CallInfo) (*authn.Principal, error) {
			noMap["x"] = 1
			return alice, nil
		}, noPrincipal},
		{"a panic after a recovered one", func(context.Context, *connect.CallInfo) (principal *authn.Principal, err error) {
			defer func() {
				recover()
				panic(errors.New("again"))
			}()
			panic("at the gate")
		}, noPrincipal},
	} {
		fixture.alone(t, test.name, func(t *testing.T) {
			fixture.session.answer = test.answer
			for _, procedure := range []string{unary("Anyone"), stream("WatchOpen"), stream("ChatFirst")} {
				for _, way := range []way{fixture.ways[0], fixture.ways[len(fixture.ways)-1]} {
					got := fixture.ask(t.Context(), way, procedure, "", owned("alice"))
					if test.name == "an error of connect's" {
						// The record has what the authenticator said, and the caller has not.
						fixture.take()
						expectError(t, got, test.want)
						continue
					}
					fixture.expectRefused(t, got, test.want)
				}
			}
		})
	}
}

// TestExpiry turns the clock around the time at which a credential ends and around
// the age that an action allows.
func TestExpiry(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	for _, test := range []struct {
		name      string
		procedure string
		claims    authn.Details
		reason    string // "" is let through
		maxAge    time.Duration
	}{
		{name: "no end", procedure: "Anyone", claims: authn.Details{Unscoped: true}},
		{name: "a moment left", procedure: "Anyone", claims: authn.Details{Unscoped: true, ExpiresAt: noon.Add(1)}},
		{name: "ends now", procedure: "Anyone", claims: authn.Details{Unscoped: true, ExpiresAt: noon}, reason: "the credential has expired"},
		{name: "ended long ago", procedure: "Anyone", claims: authn.Details{Unscoped: true, ExpiresAt: time.Unix(0, 0)}, reason: "the credential has expired"},
		{name: "ended before time began", procedure: "Anyone", claims: authn.Details{Unscoped: true, ExpiresAt: time.Time{}.Add(1)}, reason: "the credential has expired"},

		{name: "fresh", procedure: "Fresh", claims: authn.Details{Unscoped: true, AuthenticatedAt: noon}},
		{name: "as old as may be", procedure: "Fresh", claims: authn.Details{Unscoped: true, AuthenticatedAt: noon.Add(-5 * time.Minute)}},
		{name: "too old", procedure: "Fresh", claims: authn.Details{Unscoped: true, AuthenticatedAt: noon.Add(-5*time.Minute - 1)}, reason: "the caller authenticated longer ago than max_age allows", maxAge: 5 * time.Minute},
		{name: "older than a duration can say", procedure: "Fresh", claims: authn.Details{Unscoped: true, AuthenticatedAt: time.Time{}.Add(1)}, reason: "the caller authenticated longer ago than max_age allows", maxAge: 5 * time.Minute},
		{name: "of unknown age", procedure: "Fresh", reason: "the action has a max_age, and nothing tells when the caller authenticated", maxAge: 5 * time.Minute},
		{name: "by a clock that is a little ahead", procedure: "Fresh", claims: authn.Details{Unscoped: true, AuthenticatedAt: noon.Add(time.Minute)}},
		{name: "in the future", procedure: "Fresh", claims: authn.Details{Unscoped: true, AuthenticatedAt: noon.Add(time.Minute + 1)}, reason: "the caller authenticated in the future", maxAge: 5 * time.Minute},
		{name: "farther ahead than a duration can say", procedure: "Fresh", claims: authn.Details{Unscoped: true, AuthenticatedAt: noon.AddDate(500, 0, 0)}, reason: "the caller authenticated in the future", maxAge: 5 * time.Minute},
		{name: "fresh and expired", procedure: "Fresh", claims: authn.Details{Unscoped: true, AuthenticatedAt: noon, ExpiresAt: noon}, reason: "the credential has expired"},
	} {
		fixture.alone(t, test.name, func(t *testing.T) {
			fixture.session.answer = answers(authn.NewPrincipal("carol", test.claims), nil)
			got := fixture.ask(t.Context(), fixture.ways[0], unary(test.procedure), "", owned("carol"))
			if test.reason == "" {
				fixture.expect(t, "ask session", "allow at handle", "handle")
				return
			}
			_, decisions := fixture.peek()
			if len(decisions) == 1 && decisions[0].MaxAge != test.maxAge {
				t.Errorf("the decision's max age is %s, want %s", decisions[0].MaxAge, test.maxAge)
			}
			fixture.expectRefused(t, got, refused{
				code: connect.CodeUnauthenticated, text: textUnauthenticated, stage: event.StageAuthenticate, reason: test.reason,
				principal: "carol", scheme: "session",
			})
		})
	}
}

// TestSchemes calls an action that takes two kinds of credential. One is enough;
// one that is there and not good ends the call, also where the other is good.
func TestSchemes(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	absent := answers(nil, authn.ErrNoCredential)
	alice := answers(people["alice"], nil)
	aliceToo := answers(authn.NewPrincipal("alice", authn.Details{Unscoped: true}), nil)
	visitor := answers(people["visitor"], nil)
	bad := answers(nil, authn.InvalidCredential("bad"))
	down := answers(nil, authn.Unavailable(nil))
	expired := answers(authn.NewPrincipal("alice", authn.Details{Unscoped: true, ExpiresAt: noon}), nil)
	panics := func(context.Context, *connect.CallInfo) (*authn.Principal, error) { panic("at the gate") }
	both := []string{`session realm="test"`, `bearer realm="test"`}
	for _, test := range []struct {
		name            string
		session, bearer func(context.Context, *connect.CallInfo) (*authn.Principal, error)
		asked           int
		scheme          string // of who is let through
		want            refused
	}{
		{name: "neither", session: absent, bearer: absent, asked: 2, want: refused{code: connect.CodeUnauthenticated, reason: "no credential offered that the action takes"}},
		{name: "the first", session: alice, bearer: absent, asked: 2, scheme: "session"},
		{name: "the second", session: absent, bearer: alice, asked: 2, scheme: "bearer"},
		{name: "both, of one principal", session: aliceToo, bearer: alice, asked: 2, scheme: "session"},
		{name: "both, of two principals", session: alice, bearer: visitor, asked: 2, want: refused{code: connect.CodeUnauthenticated, reason: "the credentials name different principals", principal: "alice", scheme: "session"}},
		{name: "the first is bad", session: bad, bearer: alice, asked: 1, want: refused{code: connect.CodeUnauthenticated, reason: "session: invalid credential: bad"}},
		{name: "the second is bad", session: alice, bearer: bad, asked: 2, want: refused{code: connect.CodeUnauthenticated, reason: "bearer: invalid credential: bad", principal: "alice", scheme: "session"}},
		{name: "the only one is bad", session: absent, bearer: bad, asked: 2, want: refused{code: connect.CodeUnauthenticated, reason: "bearer: invalid credential: bad"}},
		{name: "the first cannot be told", session: down, bearer: alice, asked: 1, want: refused{code: connect.CodeUnavailable, reason: "session: unavailable", fault: true}},
		{name: "the second cannot be told", session: alice, bearer: down, asked: 2, want: refused{code: connect.CodeUnavailable, reason: "bearer: unavailable", fault: true, principal: "alice", scheme: "session"}},
		{name: "the first panics", session: panics, bearer: alice, asked: 1, want: refused{code: connect.CodeInternal, reason: "a fault", fault: true}},
		{name: "the second panics", session: alice, bearer: panics, asked: 2, want: refused{code: connect.CodeInternal, reason: "a fault", fault: true, principal: "alice", scheme: "session"}},
		{name: "the first has expired", session: expired, bearer: alice, asked: 2, want: refused{code: connect.CodeUnauthenticated, reason: "the credential has expired", principal: "alice", scheme: "session"}},
		{name: "the second has expired", session: alice, bearer: expired, asked: 2, want: refused{code: connect.CodeUnauthenticated, reason: "the credential has expired", principal: "alice", scheme: "session"}},
	} {
		fixture.alone(t, test.name, func(t *testing.T) {
			fixture.session.answer, fixture.bearer.answer = test.session, test.bearer
			for _, way := range []way{fixture.ways[0], fixture.ways[len(fixture.ways)-1]} {
				got := fixture.ask(t.Context(), way, unary("Either"), "", owned("alice"))
				events, decisions := fixture.peek()
				asked := []string{"ask session", "ask bearer"}[:test.asked]
				for i, want := range asked {
					if len(events) <= i || events[i] != want || (len(events) > len(asked) && events[len(asked)] == "ask bearer") {
						t.Errorf("what happened is %q, want it to begin with %q", events, asked)
						break
					}
				}
				if test.scheme != "" {
					fixture.expect(t, "ask session", "ask bearer", "allow at handle", "handle")
					if decisions[0].Scheme != test.scheme || decisions[0].PrincipalID != "alice" || decisions[0].Grant != "anyone" {
						t.Errorf("the decision is %+v, want alice by %s", decisions[0], test.scheme)
					}
					continue
				}
				want := test.want
				want.stage = event.StageAuthenticate
				if want.code == connect.CodeUnauthenticated {
					want.challenge = both
				}
				fixture.expectRefused(t, got, want)
			}
		})
	}
}

// TestPrincipalsApart interleaves callers. Each gets its own answer, and a handler
// sees the caller's own request and no other.
func TestPrincipalsApart(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	fixture.handlers.unary = func(_ context.Context, call *call) (*testv1.Response, error) {
		if decision := call.Decision(); decision.PrincipalID != call.Message().GetOwner() || decision.Scheme != "session" {
			return nil, connect.Errorf(connect.CodeDataLoss, "the decision is about %q", decision.PrincipalID)
		}
		return &testv1.Response{Caller: call.Principal().ID(), Owners: []string{call.Message().GetOwner()}}, nil
	}
	var callers sync.WaitGroup
	for _, name := range []string{"alice", "visitor", "viewer", "reader"} {
		for _, way := range fixture.ways {
			if way.get {
				continue
			}
			callers.Go(func() {
				for i := range 20 {
					got := fixture.ask(t.Context(), way, unary("Own"), as("session", name), owned(name))
					if got.err != nil || got.responses[0].GetCaller() != name {
						t.Errorf("%s by %s: got %v, %v", name, way.name, got.responses, got.err)
					}
					// Another caller's, which only they may have.
					got = fixture.ask(t.Context(), way, unary("Own"), as("session", name), owned("other"+strconv.Itoa(i)))
					if connect.CodeOf(got.err) != connect.CodePermissionDenied {
						t.Errorf("%s by %s: got %v, %v of another caller's", name, way.name, got.responses, got.err)
					}
				}
			})
		}
	}
	callers.Wait()
}

// TestPrincipalShared returns one principal from several schemes of several
// registries at once. The registries number roles differently, so that what one of
// them knows of the principal would mean another role to the other.
func TestPrincipalShared(t *testing.T) {
	t.Parallel()
	robot := authn.NewPrincipal("robot", authn.Details{Unscoped: true, Roles: []string{"robot"}})
	knowsRobot := authn.AuthenticatorFunc(func(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
		if call.RequestHeader().Get("Authorization") == "" {
			return nil, authn.ErrNoCredential
		}
		return robot, nil
	})
	knowsNone := authn.AuthenticatorFunc(answers(nil, authn.ErrNoCredential))
	open := func(session, bearer authn.Authenticator, robotFirst bool) *fixture {
		h := &fixture{recorder: &recorder{}, specs: map[string]connect.Spec{}}
		h.handlers = &handlers{recorder: h.recorder}
		h.registry = must(action.NewRegistry(authn.Schemes{"session": freshnessReporter{session}, "bearer": freshnessReporter{bearer}}, action.WithRecorder(h.recorder)))
		if robotFirst {
			service := describe(t, "RobotService", rpc{name: "Get", action: bySession(allow(&sallyportv1.Grant{AnyRole: []string{"robot"}}))})
			if err := declaretest.Register(t, h.registry, actiongen.Service[*worker]{
				Descriptor: service, Methods: []actiongen.Method[*worker]{actiongen.Unary("Get", (*worker).get)},
			}, &worker{}); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(
			testv1action.RegisterUnaryService(h.registry, h.handlers, h.handlers),
			testv1action.RegisterStreamService(h.registry, h.handlers),
		); err != nil {
			t.Fatal(err)
		}
		h.open(t, must(h.registry.Methods()))
		return h
	}
	fixtures := map[string][]*fixture{
		"session": {open(knowsRobot, knowsNone, false), open(knowsRobot, knowsNone, true)},
		"bearer":  {open(knowsNone, knowsRobot, false), open(knowsNone, knowsRobot, true)},
	}
	var callers sync.WaitGroup
	for scheme, all := range fixtures {
		for _, fixture := range all {
			inProcess := fixture.ways[len(fixture.ways)-1]
			callers.Go(func() {
				for range 100 {
					got := fixture.ask(t.Context(), inProcess, unary("Either"), "robot", owned("robot"))
					if got.err != nil {
						t.Errorf("Either: %v", got.err)
					}
					_, decisions := fixture.take()
					if len(decisions) != 1 || decisions[0].Scheme != scheme {
						t.Errorf("Either by %s: decided %+v", scheme, decisions)
					}
					if scheme != "session" {
						continue
					}
					if got := fixture.ask(t.Context(), inProcess, unary("AnyRole"), "robot", owned("robot")); got.err != nil {
						t.Errorf("AnyRole: %v", got.err)
					}
					for _, procedure := range []string{unary("Role"), unary("Several"), stream("WatchOpen")} {
						if got := fixture.ask(t.Context(), inProcess, procedure, "robot", owned("another")); connect.CodeOf(got.err) != connect.CodePermissionDenied {
							t.Errorf("%s: %v", procedure, got.err)
						}
					}
					fixture.take()
				}
			})
		}
	}
	callers.Wait()
	if robot.Scheme() != "" {
		t.Errorf("the principal that the authenticators share has scheme %q", robot.Scheme())
	}
}

// freshnessReporter is an authenticator that may stand before an action with a max_age.
type freshnessReporter struct{ authn.Authenticator }

func (freshnessReporter) ReportsAuthenticationTime() bool { return true }
