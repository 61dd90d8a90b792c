package main

import (
	"context"
	"net"
	"os"
	"sync"
	"testing"
)

// callers is how many call at a time.
const callers = 64

// Each observer has every call that ran, and what it keeps verifies.
func TestObserved(t *testing.T) {
	t.Parallel()
	const each = 8
	for name, test := range map[string]struct {
		start  func(context.Context) (*observer, error)
		counts bool
	}{
		"off":                       {off, false},
		"otelconnect alone":         {otelconnectAlone, true},
		"telemetry":                 {withTelemetry, true},
		"audit, best effort":        {bestEffortSQLite, true},
		"audit, strict":             {strictSQLite, true},
		"audit, strict, PostgreSQL": {strictPostgres, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "audit, strict, PostgreSQL" && os.Getenv(postgresAddress) == "" {
				t.Skip("there is no PostgreSQL at " + postgresAddress)
			}
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var found sum
			ended := make(chan error, 1)
			go func() {
				var err error
				found, err = observe(ctx, listener, test.start)
				ended <- err
			}()
			if err := observedWays[0].check(observedPeers[0], listener.Addr().String()); err != nil {
				t.Fatal(err)
			}
			var group sync.WaitGroup
			for range callers {
				group.Go(func() {
					for range each {
						if got, err := observedWays[0].call(observedPeers[0], listener.Addr().String(), note, token); err != nil || got != 0 {
							t.Errorf("answered with %d, %v", got, err)
						}
					}
				})
			}
			group.Wait()
			stop()
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			if found.calls != callers*each+1 || found.counts != test.counts { // one is the check's
				t.Errorf("%v; the client made %d calls that were let in", found, callers*each+1)
			}
			if test.counts && (found.kept < found.calls || found.lost != 0) {
				t.Errorf("an observer missed some: %v", found)
			}
		})
	}
}
