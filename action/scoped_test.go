package action_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
)

// findPrincipal is what an authenticator answers.
type findPrincipal = func(context.Context, *connect.CallInfo) (*authn.Principal, error)

// scopedAlice is alice by a credential that carries no more than the scopes.
func scopedAlice(scopes ...string) findPrincipal {
	return answers(authn.NewPrincipal("alice", authn.Details{Roles: []string{"owner"}, Scopes: scopes}), nil)
}

// A scoped credential opens an action only where the action names scopes for it and it
// carries every one. Beside another credential, both have to.
func TestScopedCredentials(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	none := answers(nil, authn.ErrNoCredential)
	unscoped := answers(authn.NewPrincipal("alice", authn.Details{Unscoped: true}), nil)
	const takesNone = "the credential is scoped, and the action takes no scoped credential"
	tests := []struct {
		name            string
		procedure       string
		session, bearer findPrincipal
		reason          string // "" is let through
		missing         []string
	}{
		{"unscoped", "Scoped", unscoped, none, "", nil},
		{"every scope", "Scoped", scopedAlice("items.write", "other", "items.read"), none, "", nil},
		{"one of two scopes", "Scoped", scopedAlice("items.read"), none, "the credential is scoped, and lacks items.write", []string{"items.write"}},
		{"another scope", "Scoped", scopedAlice("items.admin"), none, "the credential is scoped, and lacks items.read, items.write", []string{"items.read", "items.write"}},
		{"no scope", "Scoped", scopedAlice(), none, "the credential is scoped, and lacks items.read, items.write", []string{"items.read", "items.write"}},
		{"a scope in another spelling", "Scoped", scopedAlice("items.read", "Items.Write"), none, "the credential is scoped, and lacks items.write", []string{"items.write"}},
		{"every scope, to an action that names none", "Either", scopedAlice("items.read", "items.write"), none, takesNone, nil},
		{"the role of its owner, to an action that names none", "Role", scopedAlice("items.read", "items.write"), none, takesNone, nil},
		{"to an action that conceals", "Concealed", scopedAlice("items.read"), none, takesNone, nil},
		{"the scopes that a grant asks for", "Scopes", scopedAlice("items.read", "items.write"), none, takesNone, nil},
		{"unscoped, to an action that names none", "Either", unscoped, none, "", nil},
		{"unscoped beside scoped", "Scoped", unscoped, scopedAlice("items.read"), "the credential is scoped, and lacks items.write", []string{"items.write"}},
		{"scoped beside unscoped", "Scoped", scopedAlice("items.read"), unscoped, "the credential is scoped, and lacks items.write", []string{"items.write"}},
		{"unscoped beside enough", "Scoped", unscoped, scopedAlice("items.read", "items.write"), "", nil},
		{"unscoped beside scoped, to an action that names none", "Either", unscoped, scopedAlice("items.read"), takesNone, nil},
		{"two that have one each", "Scoped", scopedAlice("items.read"), scopedAlice("items.write"), "the credential is scoped, and lacks items.read, items.write", []string{"items.read", "items.write"}},
		{"two that have both", "Scoped", scopedAlice("items.read", "items.write"), scopedAlice("items.write", "items.read"), "", nil},
	}
	for _, test := range tests {
		fixture.alone(t, test.name, func(t *testing.T) {
			fixture.session.answer, fixture.bearer.answer = test.session, test.bearer
			fixture.through(t, unary(test.procedure), func(t *testing.T, way way) {
				got := fixture.ask(t.Context(), way, unary(test.procedure), "", owned("alice"))
				events, decisions := fixture.take()
				last := decisions[len(decisions)-1]
				if test.reason == "" {
					if got.err != nil || !slices.Contains(events, "handle") {
						t.Errorf("denied: %v, %q", got.err, last.Reason)
					}
					return
				}
				if connect.CodeOf(got.err) != connect.CodePermissionDenied || errorReason(t, got.err) != "INSUFFICIENT_SCOPE" {
					t.Errorf("got %v", got.err)
				}
				if slices.Contains(events, "handle") {
					t.Error("the handler ran")
				}
				if last.Outcome != event.Deny || last.Stage != event.StageAuthorize || last.Reason != test.reason ||
					!slices.Equal(last.MissingScopes, test.missing) || !last.Scoped || last.PrincipalID != "alice" {
					t.Errorf("recorded %+v", last)
				}
			})
		})
	}
}

// errorReason is the reason in the google.rpc.ErrorInfo of an error.
func errorReason(t *testing.T, err error) string {
	t.Helper()
	failed, ok := errors.AsType[*connect.Error](err)
	if !ok {
		return ""
	}
	for _, detail := range failed.Details() {
		if message, err := connectproto.UnmarshalErrorDetail(detail); err == nil {
			if info, ok := message.(*errdetails.ErrorInfo); ok {
				return info.GetReason()
			}
		}
	}
	return ""
}

// A stream whose credential comes to carry less ends at the next look at it.
func TestScopedCredentialOfAStream(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer findPrincipal
		lives  bool
	}{
		"as before": {answers(authn.NewPrincipal("alice", authn.Details{Unscoped: true, Roles: []string{"owner"}}), nil), true},
		"scoped":    {scopedAlice("items.read", "items.write"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fixture := newFixture(t)
			client := fixture.live(t, fixture.ways[0], stream("WatchOpen"))
			fixture.take()
			fixture.session.answer = test.answer
			fixture.registry.Recheck("alice")
			if test.lives {
				fixture.await(t, "ask session")
				return
			}
			if err := client.Receive(new(testv1.Response)); connect.CodeOf(err) != connect.CodePermissionDenied {
				t.Errorf("got %v", err)
			}
			if _, decisions := fixture.take(); !strings.Contains(decisions[0].Reason, "takes no scoped credential") {
				t.Errorf("recorded %+v", decisions)
			}
		})
	}
}

// The front door turns a scoped credential away before anything of a message is read.
func TestScopedCredentialAtTheFrontDoor(t *testing.T) {
	t.Parallel()
	fixture, way := newFrontDoorFixture(t)
	for name, test := range map[string]struct {
		scopes []string
		want   connect.Code
	}{
		"too few": {[]string{"items.read"}, connect.CodePermissionDenied},
		"enough":  {[]string{"items.read", "items.write"}, connect.CodeInvalidArgument},
	} {
		fixture.alone(t, name, func(t *testing.T) {
			fixture.session.answer = scopedAlice(test.scopes...)
			invalid := &testv1.Request{} // which only the gate notices
			if got := fixture.ask(t.Context(), way, unary("Scoped"), "", invalid); connect.CodeOf(got.err) != test.want {
				t.Errorf("got %v", got.err)
			}
			fixture.take()
		})
	}
}

// A question is answered as the call would be.
func TestMayKnowsScopedCredentials(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	if err := fixture.registry.Seal(); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		details authn.Details
		want    event.Outcome
	}{
		"unscoped":   {authn.Details{Scheme: "session", Unscoped: true}, event.Allow},
		"every":      {authn.Details{Scheme: "session", Scopes: []string{"items.read", "items.write"}}, event.Allow},
		"one of two": {authn.Details{Scheme: "session", Scopes: []string{"items.read"}}, event.Deny},
		"none":       {authn.Details{Scheme: "session"}, event.Deny},
	} {
		got := fixture.registry.May(t.Context(), authn.NewPrincipal("job", test.details), action.Question{Procedure: unary("Scoped"), Request: owned("x")})
		if got.Outcome != test.want || got.Scoped == test.details.Unscoped {
			t.Errorf("%s: %+v", name, got)
		}
		fixture.take()
	}
}
