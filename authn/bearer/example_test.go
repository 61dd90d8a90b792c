package bearer_test

import (
	"context"
	"crypto"
	"fmt"
	"net/http/httptest"
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

func Example_cached() {
	issuer := &provider{keys: []any{es256("2026-01").public()}}
	issuer.Server = httptest.NewUnstartedServer(issuer)
	issuer.Start()
	defer issuer.Close()
	registry, end, err := remembered(context.Background(), issuer.URL, directory{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer end()
	fmt.Println(registry != nil)
	// Output: true
}
