package demo

import (
	"syscall"
	"testing"

	"connectrpc.com/connect/v2"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// TestShutdownWithWatch interrupts the demo while a watch is open. The watch ends at once
// as unavailable, before the grace of streams is over, and the exit status is 0.
func TestShutdownWithWatch(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			demo := start(t, "-addr", "127.0.0.1:0", "-db", ":memory:")
			_, session := signIn(t, demo, "auditor")
			watch, err := demo.client(t, session).WatchUsers(t.Context(), &demov1.WatchUsersRequest{})
			if err != nil {
				t.Fatal(err)
			}
			for range examples {
				if _, err := watch.Receive(); err != nil {
					t.Fatal(err)
				}
			}
			if err := demo.command.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			_, err = watch.Receive()
			if failure := connect.CodeOf(err); failure != connect.CodeUnavailable || err.Error() != "unavailable: the server is shutting down" {
				t.Errorf("the watch ended with %v", err)
			}
			if err := <-demo.ended; err != nil {
				t.Errorf("it ended with %v: %s", err, demo.log)
			}
		})
	}
}
