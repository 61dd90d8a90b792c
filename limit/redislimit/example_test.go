package redislimit_test

import (
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/limit/redislimit"
)

func ExampleNew() {
	register := func(client *redis.Client, schemes authn.Schemes) error {
		limiter, err := redislimit.New(client)
		if err != nil {
			return err
		}
		registry, err := action.NewRegistry(schemes, action.WithLimiter(limiter))
		if err != nil {
			return err
		}
		return registry.Seal()
	}
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	defer client.Close()
	fmt.Println(register(client, nil))
	// Output: <nil>
}
