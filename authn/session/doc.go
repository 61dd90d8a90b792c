// Package session authenticates callers by sessions that they started before. A
// session is a random token: browsers keep it in a cookie, programs send it as
// "Authorization: Bearer".
//
//	sessions, err := session.New(store, users.Lookup)
//	registry, err := action.NewRegistry(authn.Schemes{"session": sessions})
//
// Handlers start a session when a user has proved who they are, and end it:
//
//	token, err := sessions.Start(ctx, user.ID) // also sets the cookie
//	err = sessions.End(ctx)                    // the session of this call
//	err = sessions.EndAll(ctx, user.ID)        // every session of one user
//
// A session ends by its lifetime, its idle timeout, End, EndAll, a new sign-in over it,
// and a [Lookup] that no longer knows the user. What a user may do comes from Lookup at
// every call, so a role that is taken away is gone with the next call.
//
// The store is any that serves github.com/alexedwards/scs/v2: memory, SQLite, Redis
// and more; package pgstore is one for PostgreSQL. It never sees a token, only its
// hash. It must promise that a write which returned no error holds for every later
// read, in every process. To lose entries is safe: a session that misses one has ended.
// To bring back what was overwritten or deleted is not: a store that is restored from
// an older dump, or fails over to a replica without its last writes, has sessions again
// that were ended. [WithGeneration] is the bound for that; without it, empty the store
// after such a restore.
//
// A cookie counts only on a request of a page of the server's own origin, or of one
// that [WithTrustedOrigins] names. That holds for GET as well. Where the browser sends
// Sec-Fetch-Site, as it does over HTTPS and on loopback, that is what decides; where it
// does not, Origin must be the request's own Host, so a proxy in front must then pass
// the Host header on. Where a cookie cannot be set for that reason, it is logged.
//
// Refused are a header given twice or malformed, a cookie given twice, and a cookie
// and a bearer token that differ. A bearer token that this package did not issue is
// left to the other schemes of an action.
package session
