// Sallyport is the command line for people who declare actions. It is a Go tool of
// the module that uses it:
//
//	go get -tool github.com/sallyport-rpc/sallyport/cmd/sallyport
//	go tool sallyport help
//
// It exits with 0 when it did what it was asked, 1 when it could not or when lint
// refused something, and 2 when it did not understand.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

func main() {
	collectLess()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// collectLess has the garbage collector run less often: a verb lives for about a second,
// and collecting is a tenth of it. GOGC says otherwise.
func collectLess() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}
