// Package limit counts calls against the limits that actions declare.
//
// The gates of a registry ask a [Limiter]. By default it is the process's own, [Memory];
// package redislimit shares one between the processes of a service:
//
//	registry, err := action.NewRegistry(schemes, action.WithLimiter(limiter))
package limit
