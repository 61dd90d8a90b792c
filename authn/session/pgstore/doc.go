// Package pgstore keeps sessions in a PostgreSQL table.
//
//	store, err := pgstore.New(pool)
//	err = store.Migrate(ctx)
//	sessions, err := session.New(store, lookup)
//
// It needs one table, see [Schema], in a primary: a replica that lags behind still has
// sessions that were ended. Several processes may share the table. What has expired is
// removed as new entries are written, so there is no goroutine to stop.
//
// A call waits for a connection of the pool, and for an answer, no longer than its
// context lasts. A query that its call no longer waits for is not cancelled, since that
// would cost the connection: callers who leave early could then keep the pool busy with
// connecting. It has five seconds in any case, so a server that falls silent holds a
// connection that long.
package pgstore
