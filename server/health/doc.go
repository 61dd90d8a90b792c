// Package health says whether a server can be used: by gRPC's health protocol, which
// load balancers, service meshes and Kubernetes speak, and by two pages.
//
//	checks, err := health.New(registry, health.WithCheck("", "database", db.PingContext))
//	err = checks.Register(registry, `authenticate: {anonymous: "probes have no credential"}
//		authorize: {anyone: "it says no more than whether the server works"} stream: {authorize: OPEN}`)
//	srv, err := server.New(registry, append(options, checks.Pages()...)...)
//
// The health service is an action like any other: without a declaration, which
// the program gives, its registration is refused. A registration that does not take
// place serves nothing.
//
// While a server stops, everything is not serving, before it refuses a connection if
// [server.WithStopDelay] gives it the time.
package health
