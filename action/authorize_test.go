package action_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"

	"connectrpc.com/connect/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiongen"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare/declaretest"
)

// TestGrants asks for every kind of grant as people who have some of what it asks
// for. All others are denied.
func TestGrants(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	for _, test := range []struct {
		method string
		// allowed is the grant that lets each of these through.
		allowed map[string]string
	}{
		// viewer is included by editor, which is included by owner.
		{"Role", map[string]string{"alice": "allow[0]", "viewer": "allow[0]", "editor": "allow[0]", "owner": "allow[0]", "publisher": "allow[0]"}},
		{"AnyRole", map[string]string{"alice": "allow[0]", "owner": "allow[0]", "robot": "allow[0]"}},
		{"Scopes", map[string]string{"alice": "allow[0]", "writer": "allow[0]"}},
		{"Own", map[string]string{"alice": "allow[0]"}},
		{"Every", map[string]string{"alice": "allow[0]"}},
		{"Several", map[string]string{"alice": "allow[0]", "owner": "allow[0]", "steward": "allow[1]"}},
		{"Anyone", map[string]string{
			"alice": "anyone", "visitor": "anyone", "drifter": "anyone", "viewer": "anyone", "editor": "anyone", "owner": "anyone", "robot": "anyone",
			"superuser": "anyone", "reader": "anyone", "writer": "anyone", "publisher": "anyone", "steward": "anyone",
		}},
	} {
		fixture.alone(t, test.method, func(t *testing.T) {
			for name := range people {
				got := fixture.ask(t.Context(), fixture.ways[0], unary(test.method), as("session", name), secretive())
				if test.allowed[name] == "" {
					_, decisions := fixture.peek()
					want := refused{
						code: connect.CodePermissionDenied, text: textDenied, stage: event.StageAuthorize, reason: "no grant holds",
						principal: name, scheme: "session",
					}
					if test.method == "Scopes" || (test.method == "Several" && len(decisions[0].MissingScopes) > 0) {
						want.challenge = []string{`session realm="test"`} // scopes alone are missing
					}
					fixture.expectRefused(t, got, want)
					continue
				}
				decisions := fixture.expect(t, "ask session", "allow at handle", "handle")
				want := event.Decision{
					Procedure: unary(test.method), Outcome: event.Allow, Stage: event.StageHandle,
					PrincipalID: name, Scheme: "session", Grant: test.allowed[name], Time: noon,
				}
				if diff := cmp.Diff([]event.Decision{want}, decisions); diff != "" {
					t.Errorf("%s: the decision (-want +got):\n%s", name, diff)
				}
			}
		})
	}
}

// TestGrantAnd takes from a principal who satisfies a grant of three conditions one at
// a time.
func TestGrantAnd(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	role, scope := []string{"editor"}, []string{"items.write"}
	for _, test := range []struct {
		name  string
		id    string
		with  authn.Details
		holds bool
	}{
		{"all", "alice", authn.Details{Unscoped: true, Roles: role, Scopes: scope}, true},
		{"more", "alice", authn.Details{Unscoped: true, Roles: []string{"robot", "owner"}, Scopes: []string{"x", "items.write", "items.write"}}, true},
		{"no role", "alice", authn.Details{Unscoped: true, Scopes: scope}, false},
		{"a lesser role", "alice", authn.Details{Unscoped: true, Roles: []string{"viewer"}, Scopes: scope}, false},
		{"no scope", "alice", authn.Details{Unscoped: true, Roles: role}, false},
		{"a scope by the name of the role", "alice", authn.Details{Unscoped: true, Roles: role, Scopes: role}, false},
		{"a role by the name of the scope", "alice", authn.Details{Unscoped: true, Roles: scope, Scopes: scope}, false},
		{"a scope in another case", "alice", authn.Details{Unscoped: true, Roles: role, Scopes: []string{"Items.Write"}}, false},
		{"scopes in one string", "alice", authn.Details{Unscoped: true, Roles: role, Scopes: []string{"items.read items.write"}}, false},
		{"another caller's", "alicia", authn.Details{Unscoped: true, Roles: role, Scopes: scope}, false},
	} {
		fixture.alone(t, test.name, func(t *testing.T) {
			fixture.session.answer = answers(authn.NewPrincipal(test.id, test.with), nil)
			got := fixture.ask(t.Context(), fixture.ways[0], unary("Every"), "", owned("alice"))
			if test.holds != (got.err == nil) || (got.err != nil && connect.CodeOf(got.err) != connect.CodePermissionDenied) {
				t.Errorf("got %v, want it let through: %t", got.err, test.holds)
			}
		})
	}
}

// TestUndecided denies where a value is not there, and where a condition is too costly
// even though a later grant would hold.
func TestUndecided(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	costly := owned("alice")
	for i := range 100 {
		costly.Tags = append(costly.Tags, strconv.Itoa(i))
	}
	for _, test := range []struct {
		name, method, as string
		request          *testv1.Request
		want             refused
	}{
		{
			name: "a time that is not there", method: "Undecided", as: "drifter", request: secretive(),
			want: refused{
				code: connect.CodePermissionDenied, text: textDenied, stage: event.StageAuthorize, reason: "no grant holds",
				principal: "drifter", scheme: "session",
			},
		},
		{
			name: "too costly", method: "Costly", as: "alice", request: costly,
			want: refused{
				code: connect.CodePermissionDenied, text: textDenied, stage: event.StageAuthorize, reason: "the condition ran over its cost limit",
				principal: "alice", scheme: "session",
			},
		},
	} {
		fixture.alone(t, test.name, func(t *testing.T) {
			got := fixture.ask(t.Context(), fixture.ways[0], unary(test.method), as("session", test.as), test.request)
			fixture.expectRefused(t, got, test.want)
		})
	}
}

// TestCheck has a row for everything that a check can answer. The caller is an
// owner, whom the second grant would let through.
func TestCheck(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	says := func(held bool, err error) func(context.Context, *authn.Principal, *testv1.Request) (bool, error) {
		return func(context.Context, *authn.Principal, *testv1.Request) (bool, error) { return held, err }
	}
	undecided := refused{
		code: connect.CodeInternal, text: textInternal, stage: event.StageAuthorize, reason: "a condition could not be decided", fault: true,
		principal: "owner", scheme: "session",
	}
	down := undecided
	down.code, down.text = connect.CodeUnavailable, textUnavailable
	panicked := undecided
	panicked.reason = "a fault"
	interrupted := undecided
	interrupted.fault, interrupted.code, interrupted.text, interrupted.reason = false, connect.CodeDeadlineExceeded, "deadline exceeded", "the call's deadline passed"
	for _, test := range []struct {
		name   string
		isOpen func(context.Context, *authn.Principal, *testv1.Request) (bool, error)
		grant  string
		want   refused
	}{
		{"yes", says(true, nil), "allow[0]", refused{}},
		{"no", says(false, nil), "allow[1]", refused{}},
		{"yes, with an error", says(true, errors.New("no such table")), "", undecided},
		{"no, with an error", says(false, errors.New("no such table")), "", undecided},
		{"unavailable", says(true, authn.Unavailable(nil)), "", down},
		{"out of time", says(true, fmt.Errorf("asking: %w", context.DeadlineExceeded)), "", interrupted},
		{"a panic", func(context.Context, *authn.Principal, *testv1.Request) (bool, error) { panic("at the gate") }, "", panicked},
	} {
		fixture.alone(t, test.name, func(t *testing.T) {
			fixture.handlers.isOpen = func(ctx context.Context, principal *authn.Principal, request *testv1.Request) (bool, error) {
				if principal.ID() != "owner" || principal.Scheme() != "session" || request.GetOwner() != "alice" {
					t.Errorf("the check is asked about %s, %s and %v", principal.ID(), principal.Scheme(), request)
				}
				return test.isOpen(ctx, principal, request)
			}
			got := fixture.ask(t.Context(), fixture.ways[0], unary("Checked"), as("session", "owner"), secretive())
			if test.grant == "" {
				fixture.expectRefused(t, got, test.want)
				return
			}
			decisions := fixture.expect(t, "ask session", "check", "allow at handle", "handle")
			if got := decisions[0].Grant; got != test.grant {
				t.Errorf("let through by %q, want %q", got, test.grant)
			}
		})
	}
	fixture.alone(t, "not asked where the role is missing", func(t *testing.T) {
		fixture.ask(t.Context(), fixture.ways[0], unary("Checked"), as("session", "visitor"), secretive())
		fixture.expect(t, "ask session", "deny at authorize")
	})
}

// TestConcealed compares a denial with what a handler says of what is not there: to
// the caller they must be one and the same.
func TestConcealed(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	fixture.handlers.unary = func(context.Context, *call) (*testv1.Response, error) { return nil, action.NotFound() }
	fixture.through(t, unary("Concealed"), func(t *testing.T, way way) {
		missing := fixture.ask(t.Context(), way, unary("Concealed"), as("session", "alice"), secretive())
		fixture.take()
		denied := fixture.ask(t.Context(), way, unary("Concealed"), as("session", "visitor"), secretive())
		fixture.expectRefused(t, denied, refused{
			code: connect.CodeNotFound, text: textNotFound, stage: event.StageAuthorize, reason: "no grant holds",
			principal: "visitor", scheme: "session",
		})
		if missing.err.Error() != denied.err.Error() || len(missing.challenge) != 0 {
			t.Errorf("what is missing reads %v %q, what is denied %v %q", missing.err, missing.challenge, denied.err, denied.challenge)
		}
	})
}

// TestManyNames asks for scopes among more than a thousand.
func TestManyNames(t *testing.T) {
	t.Parallel()
	const names = 1_300
	scope := func(i int) string { return "scope-" + strconv.Itoa(i%names) }
	var rpcs []rpc
	service := actiongen.Service[*worker]{}
	for i := range names {
		name := "Method" + strconv.Itoa(i)
		rpcs = append(rpcs, rpc{name: name, action: bySession(allow(&sallyportv1.Grant{AllScopes: []string{scope(i), scope(i + 64)}}))})
		service.Methods = append(service.Methods, actiongen.Unary(name, (*worker).get))
	}
	service.Descriptor = describeScoped(t, "ScopeService", names, scope, rpcs...)
	service.Fingerprint = declaretest.Fingerprint(t, service.Descriptor)
	for _, held := range []struct {
		name  string
		holds func(int) bool
	}{
		{"none", func(int) bool { return false }},
		{"all", func(int) bool { return true }},
		{"all but one", func(i int) bool { return i != 700 }},
		{"one word", func(i int) bool { return i < 64 }},
		{"two words", func(i int) bool { return i < 128 }},
		{"every other", func(i int) bool { return i%2 == 0 }},
		{"the last", func(i int) bool { return i >= names-65 }},
	} {
		t.Run(held.name, func(t *testing.T) {
			t.Parallel()
			scopes := []string{"scope-", "scope-01", "scope--1"}
			for i := range names {
				if held.holds(i) {
					scopes = append(scopes, scope(i))
				}
			}
			registry := must(action.NewRegistry(authn.Schemes{"session": knows(authn.NewPrincipal("alice", authn.Details{Unscoped: true, Scopes: scopes}))},
				action.WithRecorder(&recorder{})))
			if err := actiongen.Register(registry, service, &worker{}); err != nil {
				t.Fatal(err)
			}
			server := connect.NewServer()
			server.Register(must(registry.Methods())...)
			for i := range names {
				err := server.Call(t.Context(), "/scoped.v1.ScopeService/Method"+strconv.Itoa(i), nil, sends{owned("alice")})
				if want := held.holds(i) && held.holds((i+64)%names); want != (err == nil) {
					t.Errorf("%s: got %v, want it let through: %t", scope(i), err, want)
				}
			}
		})
	}
}
