// Package audit keeps the events of a registry so that nothing can be changed, removed
// or added later without being found.
//
// Each process that writes has a transparency log of its own in a database: a Merkle
// tree (RFC 6962) over its events, in the tables of [SQLite] or [PostgreSQL]. Every so
// many events and seconds the log signs a checkpoint, which says how many events there
// were and what they hashed to, and hands it to places of the operator's choice. From
// then on [Verify] finds an event that was changed, removed, added or moved, a tail that
// was cut, a log that was written anew, and a database that was put in its place.
//
// What it cannot find is what happened to events that no checkpoint covers yet, and what
// a person who holds the signing key and every place of checkpoints writes anew.
//
//	db, err := sql.Open("sqlite", "file:audit.db?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)")
//	log, err := audit.Open(ctx, audit.SQLite(db), signer, audit.WithCheckpointsTo("file", audit.CheckpointFile("/mnt/elsewhere/checkpoints")))
//	registry, err := action.NewRegistry(schemes, action.WithRequiredRecorder(log.StrictRecorder()))
//	defer log.Close(ctx)
package audit
