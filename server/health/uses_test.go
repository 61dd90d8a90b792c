package health_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/server/health"
)

// byRole takes "Authorization: ROLE".
type byRole struct{ byName }

func (byRole) Authenticate(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	return authn.NewPrincipal("someone", authn.Details{Unscoped: true, Roles: call.RequestHeader().Values("Authorization")}), nil
}

// members is a declaration that names a role of the demo.
const members = `authenticate: {schemes: ["session"]}
	authorize: {allow: {any_role: "member"}}
	stream: {authorize: OPEN}`

// The declaration of a service of others names the roles of a package that it says it
// uses: the role decides, and those that include it, as in the package itself.
func TestUses(t *testing.T) {
	t.Parallel()
	events := &events{}
	registry, err := action.NewRegistry(authn.Schemes{"session": byRole{}, "bearer": byName{}, "apikey": byName{}}, action.WithRecorder(events))
	if err != nil {
		t.Fatal(err)
	}
	checks, err := health.New(registry, health.WithUses("demo.v1"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(demov1action.RegisterAccountService(registry, accounts{}), checks.Register(registry, members)); err != nil {
		t.Fatal(err)
	}
	served := serveRegistry(t, registry, events, checks)
	want := map[string]connect.Code{"member": 0, "auditor": 0, "admin": 0, "health": connect.CodePermissionDenied}
	got := map[string]connect.Code{}
	for role := range want {
		_, err := served.check(t, role, "")
		got[role] = code(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("by role (-want +got):\n%s", diff)
	}
	allowed := 0
	for _, outcome := range served.events.of("/grpc.health.v1.Health/Check") {
		if outcome == event.Allow {
			allowed++
		}
	}
	if allowed != 3 {
		t.Errorf("%d calls were let in", allowed)
	}
}

// What is not used is not there, and neither is a package that the program does not have.
func TestUsesRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		uses []string
		want string // the rule; "" registers
	}{
		"used":                            {[]string{"demo.v1"}, ""},
		"not used":                        {nil, "role-unknown"},
		"another package":                 {[]string{"test.nothing.v1"}, "use-unknown"},
		"used, and one that is not there": {[]string{"demo.v1", "test.nothing.v1"}, "use-unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry, _ := newRegistry(t)
			checks, err := health.New(registry, health.WithUses(test.uses...))
			if err != nil {
				t.Fatal(err)
			}
			err = checks.Register(registry, members)
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if _, ok := errors.AsType[*action.RefusalError](err); !ok || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want rule %s", err, test.want)
			}
		})
	}
	registry, _ := newRegistry(t)
	if _, err := health.New(registry, health.WithUses("demo.v1", "")); err == nil {
		t.Error("a package without a name is accepted")
	}
}
