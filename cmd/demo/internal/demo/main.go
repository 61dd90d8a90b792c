// Package demo is the demo: what its flags say, what it serves, and what it prints. Who may
// call what is declared in proto/demo/v1, and package account has the handlers.
package demo

import (
	"context"
	"os"

	"github.com/sallyport-rpc/sallyport/server"
)

// Main does what the arguments of the process ask for, until it is interrupted, and ends the
// process. The opener may be nil: -openfga then says which program has one.
func Main(opener Opener) {
	ctx, stop := server.SignalContext(context.Background())
	code := run(ctx, opener, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
