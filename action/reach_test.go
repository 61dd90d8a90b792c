package action_test

import (
	"testing"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
)

// TestReaches lists what callers can use: every action of which their scheme, roles and
// scopes leave a grant, and no other.
func TestReaches(t *testing.T) {
	t.Parallel()
	recorder := &recorder{}
	handlers := &handlers{recorder: recorder}
	registry := must(action.NewRegistry(authn.Schemes{
		"session": &fakeAuthenticator{recorder: recorder, scheme: "session"},
		"bearer":  &fakeAuthenticator{recorder: recorder, scheme: "bearer"},
	}, action.WithRecorder(recorder)))
	if err := testv1action.RegisterUnaryService(registry, handlers, handlers); err != nil {
		t.Fatal(err)
	}
	by := func(scheme, name string) *authn.Principal { return people[name].WithScheme(scheme) }
	if registry.Reaches(by("session", "alice"), unary("Own")) || registry.Reaches(nil, unary("Public")) {
		t.Error("something is reached before the registry serves")
	}
	if err := registry.Seal(); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name      string
		who       *authn.Principal
		procedure string
		want      bool
	}{
		{"who may", by("session", "owner"), unary("Role"), true},
		{"who lacks the role", by("session", "drifter"), unary("Role"), false},
		{"by a condition of the request", by("session", "visitor"), unary("Own"), true},
		{"by another scheme", by("bearer", "owner"), unary("Own"), false},
		{"by no scheme", people["owner"], unary("Own"), false},
		{"by a scoped credential", authn.NewPrincipal("robot", authn.Details{}).WithScheme("session"), unary("Own"), false},
		{"by one with the scopes", authn.NewPrincipal("robot", authn.Details{Scopes: []string{"items.read", "items.write"}}).WithScheme("session"), unary("Scoped"), true},
		{"by one with fewer", authn.NewPrincipal("robot", authn.Details{Scopes: []string{"items.read"}}).WithScheme("session"), unary("Scoped"), false},
		{"a stranger", nil, unary("Own"), false},
		{"one without an id", authn.NewPrincipal("", authn.Details{Unscoped: true}).WithScheme("session"), unary("Own"), false},
		{"a stranger, anonymous", nil, unary("Public"), true},
		{"who may, anonymous", by("session", "owner"), unary("Public"), true},
		{"what is not there", by("session", "owner"), unary("None"), false},
	} {
		if got := registry.Reaches(test.who, test.procedure); got != test.want {
			t.Errorf("%s reaches %s: %t", test.name, test.procedure, got)
		}
	}
	recorder.expect(t)
}
