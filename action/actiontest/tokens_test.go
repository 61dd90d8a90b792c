package actiontest_test

import (
	"context"
	"errors"
	"testing"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1client"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	alice := authn.NewPrincipal("alice", authn.Details{Unscoped: true})
	tokens := actiontest.NewTokens("session", map[string]*authn.Principal{"a": alice, "a.b": alice, "nil": nil})
	for _, test := range []struct {
		name   string
		header []string
		want   *authn.Principal
		err    error
	}{
		{name: "a token", header: []string{"Bearer session.a"}, want: alice},
		{name: "a token with a dot", header: []string{"Bearer session.a.b"}, want: alice},
		{name: "nothing", err: authn.ErrNoCredential},
		{name: "a token of another scheme", header: []string{"Bearer bearer.a"}, err: authn.ErrNoCredential},
		{name: "a token of a scheme of a longer name", header: []string{"Bearer sessions.a"}, err: authn.ErrNoCredential},
		{name: "an unknown token", header: []string{"Bearer session.c"}, err: authn.ErrInvalidCredential},
		{name: "a token without a principal", header: []string{"Bearer session.nil"}, err: authn.ErrInvalidCredential},
		{name: "no token", header: []string{"Bearer session."}, err: authn.ErrInvalidCredential},
		{name: "a token without its scheme", header: []string{"Bearer a"}, err: authn.ErrInvalidCredential},
		{name: "an empty header", header: []string{""}, err: authn.ErrInvalidCredential},
		{name: "another kind", header: []string{"Basic session.a"}, err: authn.ErrInvalidCredential},
		{name: "another case", header: []string{"bearer session.a"}, err: authn.ErrInvalidCredential},
		{name: "a token without its kind", header: []string{"session.a"}, err: authn.ErrInvalidCredential},
		{name: "two of them", header: []string{"Bearer session.a", "Bearer session.a"}, err: authn.ErrInvalidCredential},
		{name: "two in one", header: []string{"Bearer session.a, Bearer session.a"}, err: authn.ErrInvalidCredential},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			call := new(connect.CallInfo)
			for _, value := range test.header {
				call.RequestHeader().Add("Authorization", value)
			}
			got, err := tokens.Authenticate(t.Context(), call)
			if got != test.want || !errors.Is(err, test.err) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	if got := tokens.Caller("alice", "a"); got.Name != "alice" || got.Header["Authorization"] != "Bearer "+tokens.Token("a") {
		t.Errorf("Caller makes %v", got)
	}
	if got := actiontest.Bearer("alice", "a"); got.Name != "alice" || got.Header["Authorization"] != "Bearer a" {
		t.Errorf("Bearer makes %v", got)
	}
}

// both is a service with two handlers, which name the scheme of their caller.
type both struct {
	testv1action.UnaryServiceHandler
}

func (both) Either(_ context.Context, call *action.Call[testv1.Request]) (*testv1.Response, error) {
	return &testv1.Response{Caller: call.Principal().Scheme()}, nil
}
func (both) Scoped(_ context.Context, call *action.Call[testv1.Request]) (*testv1.Response, error) {
	return &testv1.Response{Caller: call.Principal().Scheme()}, nil
}

func (both) Anyone(_ context.Context, call *action.Call[testv1.Request]) (*testv1.Response, error) {
	return &testv1.Response{Caller: call.Principal().Scheme()}, nil
}

// Two schemes stand behind the action Either, and callers of both come through. A token
// that neither knows opens nothing, and an action takes no token of a scheme that it does
// not name.
func TestTokensOfTwoSchemes(t *testing.T) {
	t.Parallel()
	principals := map[string]*authn.Principal{"alice": authn.NewPrincipal("alice", authn.Details{Unscoped: true})}
	session, bearer := actiontest.NewTokens("session", principals), actiontest.NewTokens("bearer", principals)
	registry, err := action.NewRegistry(authn.Schemes{"session": session, "bearer": bearer})
	if err != nil {
		t.Fatal(err)
	}
	if err := testv1action.RegisterUnaryService(registry, both{}, unhandled{}); err != nil {
		t.Fatal(err)
	}
	transport, err := registry.InProcess()
	if err != nil {
		t.Fatal(err)
	}
	calls := testv1client.NewUnaryServiceClient(connect.NewClient(transport))
	for _, test := range []struct {
		caller         actiontest.Caller
		either, anyone string // the scheme, or the code of the denial
	}{
		{session.Caller("a session", "alice"), "session", "session"},
		{bearer.Caller("a bearer token", "alice"), "bearer", "unauthenticated"},
		{session.Caller("an unknown session", "bob"), "unauthenticated", "unauthenticated"},
		{bearer.Caller("an unknown bearer token", "bob"), "unauthenticated", "unauthenticated"},
		{actiontest.NewTokens("apikey", principals).Caller("a scheme that no action takes", "alice"), "unauthenticated", "unauthenticated"},
		{actiontest.Caller{Name: "nothing"}, "unauthenticated", "unauthenticated"},
	} {
		for _, one := range []struct {
			want string
			call func(context.Context, *testv1.Request) (*testv1.Response, error)
		}{{test.either, calls.Either}, {test.anyone, calls.Anyone}} {
			ctx, info := connect.NewClientContext(t.Context())
			for name, value := range test.caller.Header {
				info.RequestHeader().Set(name, value)
			}
			response, err := one.call(ctx, &testv1.Request{Owner: "alice"})
			got := response.GetCaller()
			if err != nil {
				got = connect.CodeOf(err).String()
			}
			if got != one.want {
				t.Errorf("%s: got %s, want %s", test.caller.Name, got, one.want)
			}
		}
	}
}
