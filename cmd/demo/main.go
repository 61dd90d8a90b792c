// Demo serves demo.v1.AccountService: a small directory of users in one SQLite file,
// with nothing to set up beside it. It is the one place that imports everything.
//
//	go run ./cmd/demo -h
//
// It exits with 0 when it was told to stop, 1 when it cannot serve, and 2 when it did
// not understand.
package main

import (
	"context"
	"os"

	"github.com/sallyport-rpc/sallyport/server"
)

func main() {
	ctx, stop := server.SignalContext(context.Background())
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
