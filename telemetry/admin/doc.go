// Package admin is a listener of its own for those who run a server: metrics for
// Prometheus, health, profiles, what the program was built from, and who may call what.
//
//	reader, metrics, err := admin.Metrics()
//	panel, err := admin.New(registry, admin.WithMetrics(metrics), admin.WithHealth(checks))
//	err = panel.Run(ctx, srv.Run) // until srv.Run returns
//
// By default only this machine can reach it. It asks for no credential: who reaches it
// reads everything that is on it. Profiles are there on a loopback address alone.
package admin
