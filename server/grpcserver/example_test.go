package grpcserver_test

import (
	"fmt"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/server"
	"github.com/sallyport-rpc/sallyport/server/grpcserver"
)

// A server with a port for gRPC besides its own.
func ExampleNew() {
	registry, err := action.NewRegistry(authn.Schemes{})
	if err != nil {
		fmt.Println(err)
		return
	}
	srv, err := server.New(registry,
		server.WithAddress(":8080"),
		server.WithGRPC(grpcserver.New(":9090")),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	// srv.Run serves on both until it is asked to stop.
	fmt.Println(len(srv.Unguarded()), "pages without a gate")
	// Output: 0 pages without a gate
}
