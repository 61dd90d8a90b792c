package health_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/server"
	"github.com/sallyport-rpc/sallyport/server/health"
	"github.com/sallyport-rpc/sallyport/server/reflection"
)

type database struct{}

func (database) PingContext(context.Context) error { return nil }

// build makes a server that load balancers can probe, and tools can explore.
func build(registry *action.Registry, db database) (*server.Server, error) {
	checks, err := health.New(registry, health.WithCheck("", "database", db.PingContext))
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		checks.Register(registry, `authenticate: {anonymous: "probes have no credential"} authorize: {anyone: "it says no more than whether the server works"} stream: {authorize: OPEN}`),
		reflection.Register(registry, `authenticate: {schemes: ["session"]} authorize: {anyone: "a caller sees what it may call"} stream: {authorize: OPEN}`),
	)
	if err != nil {
		return nil, err
	}
	return server.New(registry, append(checks.Pages(), server.WithStopDelay(5*time.Second))...)
}

func Example() {
	registry, err := action.NewRegistry(authn.Schemes{"session": byName{}, "bearer": byName{}, "apikey": byName{}})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := demov1action.RegisterAccountService(registry, accounts{}); err != nil {
		fmt.Println(err)
		return
	}
	srv, err := build(registry, database{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, page := range srv.Unguarded() {
		fmt.Printf("%s: %s\n", page.Pattern, page.Reason)
	}
	// Output:
	// GET /healthz: it says that the process answers, and no more
	// GET /readyz: it says whether the server can be used, and not why
}
