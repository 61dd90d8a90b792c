package revocation_test

import (
	"fmt"

	"github.com/sallyport-rpc/sallyport/authn/revocation"
)

func Example() {
	link := newHub() // between processes: pgbus.New(pool) or redisbus.New(client)
	here, err := revocation.New(link)
	if err != nil {
		panic(err)
	}
	defer here.Close()
	received := make(chan revocation.Revocation, 10)
	here.Subscribe(func(revoked revocation.Revocation) { received <- revoked })

	here.Publish(revocation.OfPrincipal("ada"))
	for revoked := range received {
		if id, ok := revoked.Principal(); ok {
			fmt.Println("look at", id, "again")
			break
		}
		here.Publish(revocation.OfPrincipal("ada")) // it was published before anything was subscribed
	}
	// Output: look at ada again
}
