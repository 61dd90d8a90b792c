package bearer_test

import (
	"context"
	"crypto"
	"fmt"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/bearer"
)

func Example() {
	tokens, err := bearer.New("https://id.example.com", "https://api.example.com", bearer.Discovery())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer tokens.Close()
	registry, err := action.NewRegistry(authn.Schemes{"bearer": tokens})
	fmt.Println(registry != nil, err)
	// Output: true <nil>
}

// A directory knows an issuer's subjects under ids of its own, and what they may do.
type directory map[string]struct {
	id    string
	roles []string
}

func (d directory) identify(_ context.Context, token *bearer.Token) (string, authn.Details, error) {
	user, ok := d[token.Subject]
	if !ok {
		return "", authn.Details{}, authn.InvalidCredential("subject is unknown here")
	}
	claims, err := token.Granted() // the scopes that the issuer granted
	claims.Roles = user.roles      // and the roles that we give
	return user.id, claims, err
}

func ExampleWithIdentity() {
	users := directory{"jane": {id: "user-1", roles: []string{"member"}}}
	key := es256("2026-01")
	tokens, err := bearer.New("https://id.example.com", "https://api.example.com",
		bearer.StaticKeys(map[string]crypto.PublicKey{"2026-01": key.private.Public()}),
		bearer.WithIdentity(users.identify))
	if err != nil {
		fmt.Println(err)
		return
	}

	call := new(connect.CallInfo)
	call.RequestHeader().Set("Authorization", "Bearer "+key.token("https://id.example.com", time.Now()))
	principal, err := tokens.Authenticate(context.Background(), call)
	fmt.Println(principal.ID(), principal.Roles(), principal.Scopes(), err)
	// Output: user-1 [member] [users.read users.write] <nil>
}
