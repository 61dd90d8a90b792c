// Package redisbus carries revocations between processes by the channels of Redis.
//
//	link, err := redisbus.New(client)
//	bus, err := revocation.New(link)
//
// A process that listens holds one connection besides those of the client's pool. The
// user needs the right to publish and to subscribe to the one channel, see
// [WithChannel].
package redisbus
