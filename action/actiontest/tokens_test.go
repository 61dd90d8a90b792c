package actiontest_test

import (
	"errors"
	"testing"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	alice := action.NewPrincipal("alice", action.Claims{})
	tokens := actiontest.Tokens{"a": alice, "nil": nil}
	for _, test := range []struct {
		name   string
		header []string
		want   *action.Principal
		err    error
	}{
		{name: "a token", header: []string{"Bearer a"}, want: alice},
		{name: "nothing", err: action.ErrNoCredential},
		{name: "an unknown token", header: []string{"Bearer b"}, err: action.ErrInvalidCredential},
		{name: "the token of nobody", header: []string{"Bearer nil"}, err: action.ErrInvalidCredential},
		{name: "no token", header: []string{"Bearer "}, err: action.ErrInvalidCredential},
		{name: "an empty header", header: []string{""}, err: action.ErrInvalidCredential},
		{name: "another kind", header: []string{"Basic a"}, err: action.ErrInvalidCredential},
		{name: "another case", header: []string{"bearer a"}, err: action.ErrInvalidCredential},
		{name: "a token without its kind", header: []string{"a"}, err: action.ErrInvalidCredential},
		{name: "two of them", header: []string{"Bearer a", "Bearer a"}, err: action.ErrInvalidCredential},
		{name: "two in one", header: []string{"Bearer a, Bearer a"}, err: action.ErrInvalidCredential},
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
