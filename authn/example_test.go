package authn_test

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
)

// An authenticator of your own: a header with a shared secret, for a job on the same
// machine.
func ExampleAuthenticatorFunc() {
	const secret = "only for this example"
	jobs := authn.AuthenticatorFunc(func(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
		switch values := call.RequestHeader().Values("X-Job-Secret"); {
		case len(values) == 0:
			return nil, authn.ErrNoCredential
		case len(values) > 1 || subtle.ConstantTimeCompare([]byte(values[0]), []byte(secret)) != 1:
			return nil, authn.InvalidCredential("job secret is wrong")
		}
		return authn.NewPrincipal("job:nightly", authn.Details{Unscoped: true, Roles: []string{"job"}}), nil
	})

	for _, offered := range []string{"", "guess", secret} {
		call := new(connect.CallInfo)
		if offered != "" {
			call.RequestHeader().Set("X-Job-Secret", offered)
		}
		switch principal, err := jobs.Authenticate(context.Background(), call); {
		case errors.Is(err, authn.ErrNoCredential):
			fmt.Println("another scheme may know the caller")
		case err != nil:
			fmt.Println(err)
		default:
			fmt.Println(principal.ID(), principal.Roles())
		}
	}
	// Output:
	// another scheme may know the caller
	// invalid credential: job secret is wrong
	// job:nightly [job]
}

// What an application's own lookup fails with becomes what an authenticator returns.
func ExampleFromLookup() {
	ctx := context.Background()
	fmt.Println(authn.FromLookup(ctx, "look up the user", errors.New("connection refused")))
	fmt.Println(authn.FromLookup(ctx, "look up the user", authn.InvalidCredential("user is disabled")))
	// Output:
	// temporarily unavailable: look up the user: connection refused
	// invalid credential: user is disabled
}
