package actiontest_test

import (
	"errors"
	"testing"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	alice := authn.NewPrincipal("alice", authn.Details{})
	tokens := actiontest.Tokens{"a": alice, "nil": nil}
	for _, test := range []struct {
		name   string
		header []string
		want   *authn.Principal
		err    error
	}{
		{name: "a token", header: []string{"Bearer a"}, want: alice},
		{name: "nothing", err: authn.ErrNoCredential},
		{name: "an unknown token", header: []string{"Bearer b"}, err: authn.ErrInvalidCredential},
		{name: "the token of nobody", header: []string{"Bearer nil"}, err: authn.ErrInvalidCredential},
		{name: "no token", header: []string{"Bearer "}, err: authn.ErrInvalidCredential},
		{name: "an empty header", header: []string{""}, err: authn.ErrInvalidCredential},
		{name: "another kind", header: []string{"Basic a"}, err: authn.ErrInvalidCredential},
		{name: "another case", header: []string{"bearer a"}, err: authn.ErrInvalidCredential},
		{name: "a token without its kind", header: []string{"a"}, err: authn.ErrInvalidCredential},
		{name: "two of them", header: []string{"Bearer a", "Bearer a"}, err: authn.ErrInvalidCredential},
		{name: "two in one", header: []string{"Bearer a, Bearer a"}, err: authn.ErrInvalidCredential},
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
	if got := actiontest.Bearer("alice", "a"); got.Name != "alice" || got.Header["Authorization"] != "Bearer a" {
		t.Errorf("Bearer makes %v", got)
	}
}
