package action_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiongen"
	"github.com/sallyport-rpc/sallyport/authn"
)

// A service that a program declares is refused once for a declaration that cannot be used,
// and not for the lack of one in its .proto too.
func TestRegisterGiven(t *testing.T) {
	t.Parallel()
	var absent *worker
	for _, test := range []struct {
		name, declaration string
		by                *worker
		rules             []string
	}{
		{"declared", `authenticate: {schemes: "session"} authorize: {anyone: "it is public"}`, &worker{}, nil},
		{"declared, and a nil implementation", `authenticate: {schemes: "session"} authorize: {anyone: "it is public"}`, absent, []string{"implementation-nil"}},
		{"nothing", "", &worker{}, []string{"action-missing"}},
		{"no declaration", "authenticate {", &worker{}, []string{"action-unread"}},
		{"no declaration, and a nil implementation", "authenticate {", absent, []string{"action-unread"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			registry := must(action.NewRegistry(someSchemes()))
			err := actiongen.RegisterGiven(registry, test.declaration, actiongen.GivenService[*worker]{
				Descriptor: describe(t, "GivenService", rpc{name: "Get"}),
				Methods:    []actiongen.Method[*worker]{actiongen.Unary("Get", (*worker).get)},
				Anonymous:  []actiongen.Method[*worker]{actiongen.Unary("Get", (*worker).open)},
			}, test.by)
			expectRules(t, err, test.rules...)
			if len(test.rules) > 0 {
				expectShut(t, registry, test.rules...)
			} else if got := len(registry.Actions()); got != 1 {
				t.Errorf("%d actions are registered, want 1", got)
			}
		})
	}
}

// A registration with a declaration that cannot be read is refused for all else as well.
func TestUnreadDeclarationIsNotAll(t *testing.T) {
	t.Parallel()
	service := sound(t, "WorkService")
	service.Declarations = map[string]string{"Get": `{"authorise": {}}`}
	var absent *worker
	expectRules(t, actiongen.Register(must(action.NewRegistry(someSchemes())), service, absent), "action-unread", "implementation-nil")
}

// The fix for a scheme without an authenticator names it, and those that there are.
func TestFixOfAnUnconfiguredScheme(t *testing.T) {
	t.Parallel()
	registry := must(action.NewRegistry(authn.Schemes{"bearer": knows(nil), "apikey": knows(nil)}))
	refused, ok := errors.AsType[*action.RefusalError](actiongen.Register(registry, sound(t, "WorkService"), &worker{}))
	const want = `action.NewRegistry(authn.Schemes{"session": …}); the registry has: ["apikey" "bearer"]`
	if !ok || refused.Refusals[0].Fix != want {
		t.Errorf("got %v, want the fix %s", refused, want)
	}
}

// The fingerprint of a registry does not depend on the order in which generated code has
// the methods of a service.
func TestFingerprintInAnyOrder(t *testing.T) {
	t.Parallel()
	var got []string
	for _, turned := range []bool{false, true} {
		registry, service := must(action.NewRegistry(someSchemes())), sound(t, "WorkService")
		if turned {
			slices.Reverse(service.Methods)
		}
		if err := actiongen.Register(registry, service, &worker{}); err != nil {
			t.Fatal(err)
		}
		must(registry.Methods())
		got = append(got, registry.Fingerprint())
	}
	if got[0] == "" || got[0] != got[1] {
		t.Errorf("got %q and %q", got[0], got[1])
	}
}

// A stream that opens after others were looked at again asks for its caller once.
func TestOpensOnceAfterARecheck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRechecking(t)
		r.registry.Recheck("bob")
		s := r.serve(t, stream("ChatOpen"))
		s.expectEnd(t, 0)
		if asked := r.authority.askedTimes(); asked != 1 {
			t.Errorf("the authenticator was asked %d times", asked)
		}
		r.registry.Recheck("alice")
		s.expectEnd(t, 0)
		if asked := r.authority.askedTimes(); asked != 2 {
			t.Errorf("after a recheck of its caller the authenticator was asked %d times", asked)
		}
	})
}

// A stream whose admission is not kept has no end to be kept either.
func TestRequiredAdmission(t *testing.T) {
	t.Parallel()
	recorded := 0
	recorder := faultyRecorder{yes, func() error { recorded++; return errors.New("the disk is full") }}
	fixture := newFixture(t, action.WithRequiredRecorder(recorder))
	got := fixture.ask(t.Context(), fixture.ways[len(fixture.ways)-1], stream("CollectOpen"), as("session", "alice"), owned("alice"))
	if connect.CodeOf(got.err) != connect.CodeUnavailable || recorded != 2 { // that it opened, and that it was denied
		t.Errorf("got %v, after %d events", got.err, recorded)
	}
	if notes, _ := fixture.take(); slices.ContainsFunc(notes, func(note string) bool { return strings.HasPrefix(note, "handle") }) {
		t.Errorf("the handler ran: %q", notes)
	}
}
