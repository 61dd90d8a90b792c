// Package revocation tells the processes of a service of each other's revocations.
//
//	link, err := pgbus.New(pool) // or redisbus.New(client), or a Link of one's own
//	bus, err := revocation.New(link)
//	defer bus.Close()
//	sessions, err := session.New(store, lookup, session.WithBus(bus))
//
// Whatever ends early in one process, a session or a key, is then heard in all of
// them: live streams of its principal are looked at again, and caches forget. What
// travels is a principal's id or the hash of a credential, and never a credential.
//
// The bus makes revocations count sooner. It is not what makes them count: sessions
// and keys that are gone from their store are refused by every process at the next
// call, bus or not. What holds while the link is down is the time that an answer is
// remembered by a cache, and the recheck that a stream declares.
//
// A link that breaks is taken up again after a pause, which grows from failure to
// failure. What a process tells meanwhile is kept and sent when the link is back.
// What the others told meanwhile is lost to it, so that everything a cache remembers
// counts as revoked then. Live streams do not: to look at all of them in every
// process at once would be a rush on what was just down, and they are looked at
// within their recheck anyway.
package revocation
