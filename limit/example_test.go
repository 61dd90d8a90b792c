package limit_test

import (
	"fmt"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/limit"
)

func ExampleNewMemory() {
	register := func(schemes authn.Schemes) error {
		limiter, err := limit.NewMemory(limit.WithMaxCallers(1_000_000))
		if err != nil {
			return err
		}
		registry, err := action.NewRegistry(schemes, action.WithLimiter(limiter))
		if err != nil {
			return err
		}
		return registry.Seal()
	}
	fmt.Println(register(nil))
	// Output: <nil>
}
