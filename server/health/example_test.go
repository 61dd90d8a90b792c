package health_test

import (
	"fmt"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
)

func Example() {
	registry, err := action.NewRegistry(authn.Schemes{"session": byName{}, "bearer": byName{}, "apikey": byName{}})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := demov1action.RegisterAccountService(registry, accounts{}); err != nil {
		fmt.Println(err)
		return
	}
	srv, err := build(registry, database{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, page := range srv.Unguarded() {
		fmt.Printf("%s: %s\n", page.Pattern, page.Reason)
	}
	// Output:
	// GET /healthz: it says that the process answers, and no more
	// GET /readyz: it says whether the server can be used, and not why
}
