package audit

import (
	"context"
	"errors"
	"testing"
	"time"
)

// numbers are all that a log counts.
type numbers struct {
	Stored, Dropped, Signed, Writes, Checkpoints, Places uint64
	Waiting                                              int
	Uncovered                                            int64
}

func numbersOf(log *Log) numbers {
	var all numbers
	all.Stored, all.Dropped, all.Waiting = log.Events()
	all.Signed, all.Uncovered = log.Checkpoints()
	all.Writes, all.Checkpoints, all.Places = log.Failures()
	return all
}

// A log counts what it stores and signs.
func TestCounts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	log := f.open(t, WithCheckpointEvery(1000, time.Hour))
	if got, want := numbersOf(log), (numbers{Signed: 1}); got != want {
		t.Errorf("a new log has %+v, want %+v", got, want)
	}
	write(t, log, 0, 3)
	if got, want := numbersOf(log), (numbers{Stored: 3, Signed: 1, Uncovered: 3}); got != want {
		t.Errorf("with 3 events it has %+v, want %+v", got, want)
	}
	closeLog(t, log)
	if got, want := numbersOf(log), (numbers{Stored: 4, Signed: 2}); got != want { // one says that it ends
		t.Errorf("at its end it has %+v, want %+v", got, want)
	}
	if err := log.Recorder().Record(t.Context(), allow("ada")); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed log took an event: %v", err)
	}
	if got := numbersOf(log); got.Dropped != 1 {
		t.Errorf("after its end it has %+v, and dropped one", got)
	}
}

// A log counts what fails, and what it therefore drops.
func TestCountsOfFailures(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	away := func(context.Context, []byte) error { return errors.New("the place is away") }
	log := f.open(t, WithQueue(1), WithCheckpointEvery(1000, time.Hour), WithCheckpointsTo("away", away))
	up := f.down(t)
	if err := log.StrictRecorder().Record(t.Context(), allow("ada")); !errors.Is(err, ErrNotWritten) {
		t.Fatalf("an allow: %v", err)
	}
	if got := numbersOf(log); got.Stored != 0 || got.Dropped != 1 || got.Writes != 1 {
		t.Errorf("it has %+v, and neither kept an allow nor wrote", got)
	}
	// One event waits, for it is best effort, and there is no room for others.
	var full uint64
	for full == 0 {
		if err := log.Recorder().Record(t.Context(), allow("bob")); errors.Is(err, ErrFull) {
			full++
		}
	}
	if got := numbersOf(log); got.Dropped != 1+full {
		t.Errorf("it has %+v, and dropped %d", got, 1+full)
	}
	up()
	closeLog(t, log)
	if got := numbersOf(log); got.Places == 0 || got.Places > got.Signed || got.Stored == 0 || got.Waiting != 0 {
		t.Errorf("at its end it has %+v, and a place refused checkpoints", got)
	}
}

// A checkpoint that the database does not take is counted, and so are the entries that it
// would have covered.
func TestCountsOfCheckpoints(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	log := f.open(t, WithCheckpointEvery(2, time.Hour))
	f.exec(t, "CREATE TRIGGER unsealed BEFORE INSERT ON audit_checkpoints BEGIN SELECT RAISE(ABORT, 'it is down'); END")
	write(t, log, 0, 2)
	for deadline := time.Now().Add(20 * time.Second); numbersOf(log).Checkpoints == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it has %+v, and could not store a checkpoint", numbersOf(log))
		}
	}
	if got := numbersOf(log); got.Signed != 1 || got.Uncovered != 2 || got.Stored != 2 {
		t.Errorf("it has %+v, want 2 events that are not covered", got)
	}
	f.exec(t, "DROP TRIGGER unsealed")
	closeLog(t, log)
}
