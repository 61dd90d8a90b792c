// Package pgbus carries revocations between processes by NOTIFY of PostgreSQL.
//
//	link, err := pgbus.New(pool)
//	bus, err := revocation.New(link)
//
// It needs no table and no rights but to connect. A process that listens holds one
// connection besides those of the pool, which must reach PostgreSQL itself or a
// pooler in session mode: one in transaction mode forgets who listens. All processes
// must connect to the same database of a primary, since replicas do not notify.
package pgbus
