// Package revocation carries revocations between the processes of a service.
//
//	link, err := pgbus.New(pool) // or redisbus.New(client), or a Link of your own
//	bus, err := revocation.New(link)
//	defer bus.Close()
//	sessions, err := session.New(store, lookup, session.WithBus(bus))
//
// When a session or a key ends early in one process, all processes learn of it:
// they recheck the principal's live streams, and their caches forget the principal.
// What travels is a principal's id or the hash of a credential, never a credential.
//
// The bus makes revocations take effect sooner. They take effect without it too:
//
//	                      calls                        live streams
//	this process          when the revocation returns  when the revocation returns
//	others, the bus up    the next call                within a second
//	others, the bus down  the next call                within the action's recheck
//	others, a cache       within a second, or within   as above, and the cache's TTL
//	                      the cache's TTL (bus down)
//
// A link that breaks is tried again after a pause of at most two seconds. What this
// process publishes meanwhile is kept and sent when the link is up again. What the
// others published meanwhile is lost to it, so it treats everything as revoked then:
// its caches forget all they hold, and all its live streams are rechecked at once.
//
// A bus sends itself a message every half a minute, to notice a link that accepts
// messages and delivers none. [Bus.Health] says what is wrong, and so does the log
// of package log/slog.
package revocation
