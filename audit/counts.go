package audit

import "sync/atomic"

// counts are what a log counts for those who watch it.
type counts struct {
	stored, dropped             atomic.Uint64
	signed                      atomic.Uint64
	writes, checkpoints, places atomic.Uint64 // that failed
	uncovered                   atomic.Int64
}

// Events returns how many events the database has taken, with the one that ends the log,
// how many were dropped since there was no room for them, the database did not take them
// or the log had ended, and how many wait to be written now. Denials that were thinned
// before they came to the log are in none of them.
func (l *Log) Events() (stored, dropped uint64, waiting int) {
	return l.counts.stored.Load(), l.counts.dropped.Load(), l.queue.waiting()
}

// Checkpoints returns how many checkpoints were signed and stored, and how many entries
// no checkpoint covers yet.
func (l *Log) Checkpoints() (signed uint64, uncovered int64) {
	return l.counts.signed.Load(), l.counts.uncovered.Load()
}

// Failures returns how often the database did not take events, how often a checkpoint
// could not be signed and stored, and how often a place of [WithCheckpointsTo] did not
// keep one.
func (l *Log) Failures() (writes, checkpoints, places uint64) {
	return l.counts.writes.Load(), l.counts.checkpoints.Load(), l.counts.places.Load()
}
