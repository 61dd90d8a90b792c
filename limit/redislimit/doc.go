// Package redislimit counts calls in Redis, so that all processes of a service share the
// limits that their actions declare.
//
//	limiter, err := redislimit.New(client)
//	registry, err := action.NewRegistry(schemes, action.WithLimiter(limiter))
//
// A call asks Redis once for each time that limits are counted where there is one limit,
// and twice for each limit where there are several. While Redis does not answer, each
// process counts for itself; [WithRefusalWhenDown] has it refuse the calls instead.
//
// Each caller of a limit has a key of some 100 bytes in Redis, which expires when all its
// calls have come back. Strangers can make as many as they have addresses: set maxmemory,
// with the policy volatile-ttl, by which Redis forgets those first that owe least.
package redislimit
