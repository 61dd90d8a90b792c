package health_test

import (
	"context"
	"errors"
	"time"

	"github.com/sallyport-rpc/sallyport/action"
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
