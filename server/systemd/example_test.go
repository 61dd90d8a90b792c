package systemd_test

import (
	"context"
	"fmt"
	"os"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/server"
	"github.com/sallyport-rpc/sallyport/server/systemd"
)

func Example() {
	serve := func(registry *action.Registry) error {
		srv, err := server.New(registry, server.WithAddress("127.0.0.1:0"))
		if err != nil {
			return err
		}
		ctx, stop := server.SignalContext(context.Background())
		defer stop()
		return systemd.Run(ctx, srv)
	}
	fmt.Fprintln(os.Stdout, serve(nil)) // with no registry it does not start
	// Output: server: the registry is nil
}
