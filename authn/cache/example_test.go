package cache_test

import (
	"context"
	"fmt"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/cache"
)

func Example() {
	verified, err := cache.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer verified.Close()

	tokens := new(verifier) // such as one of package bearer
	remembering := verified.Wrap(tokens)
	registry, err := action.NewRegistry(authn.Schemes{"bearer": remembering})
	fmt.Println(registry != nil, err)

	ctx := context.Background()
	for range 3 {
		principal, err := remembering.Authenticate(ctx, calling("ada"))
		fmt.Println(principal.ID(), err, tokens.asked.Load())
	}
	// Ada was signed out everywhere. The next call asks again.
	verified.Revoke("ada")
	principal, err := remembering.Authenticate(ctx, calling("ada"))
	fmt.Println(principal.ID(), err, tokens.asked.Load())
	// Output:
	// true <nil>
	// ada <nil> 1
	// ada <nil> 1
	// ada <nil> 1
	// ada <nil> 2
}
