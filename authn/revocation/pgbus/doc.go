// Package pgbus carries revocations between processes by NOTIFY of PostgreSQL.
//
//	link, err := pgbus.New(pool)
//	bus, err := revocation.New(link)
//
// It needs no table and no rights but to connect. A process that listens holds one
// connection besides those of the pool. It must reach PostgreSQL itself or a pooler in
// session mode: a pooler in transaction mode drops notifications, which
// [revocation.Bus.Health] and the log then say. All processes connect to the same
// database of a primary, since replicas do not notify.
package pgbus
