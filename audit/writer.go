package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// batch is how many events one transaction writes at most.
const batch = 512

// How long the writer waits after a write that failed.
const (
	firstPause = 50 * time.Millisecond
	mostPause  = 5 * time.Second
)

// A writer writes one log. It runs in one goroutine.
type writer struct {
	*Log

	tree     frontier
	sealed   int64     // the size of the last checkpoint
	unsealed time.Time // when the first event after that was written
	places   []*place
}

// open writes the first entry and signs the first checkpoint.
func (w *writer) open(ctx context.Context, first Entry) error {
	rows, tree, err := w.rows([]Entry{first})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	if err := w.store.append(ctx, w.origin, rows, nil); err != nil {
		return err
	}
	w.tree = tree
	for i := range w.settings.places {
		w.places = append(w.places, w.settings.places[i].start(w.timeout, w.logger, &w.counts.places))
	}
	return w.seal(ctx)
}

// run writes until the log is closed and all is written, or broken.
func (w *writer) run() {
	defer close(w.done)
	defer func() {
		for _, place := range w.places {
			place.end()
		}
	}()
	due := time.NewTimer(time.Hour)
	defer due.Stop()
	pause := firstPause
	for {
		items, lost, last := w.queue.take(batch)
		if len(items) > 0 || lost > 0 {
			switch err := w.write(items, lost); {
			case err == nil:
				pause = firstPause
			case errors.Is(err, ErrBroken):
				w.logger.Error("the audit log ends", "log", w.origin, "error", err)
				w.fail(err)
				return
			default:
				w.logger.Error("the audit log could not be written", "log", w.origin, "error", err, "again_in", pause)
				if last {
					w.fail(err)
					return
				}
				time.Sleep(pause)
				pause = min(2*pause, mostPause)
				continue
			}
		}
		if last {
			w.end()
			return
		}
		if len(items) == batch {
			w.sealIfDue()
			continue
		}
		due.Reset(w.sealIfDue())
		select {
		case <-w.queue.wake:
		case <-due.C:
		}
	}
}

// write writes events as one. What waits for them is told. After an error those that
// nothing waits for are in the queue again.
func (w *writer) write(items []item, lost int) error {
	entries := make([]Entry, 0, len(items)+1)
	if lost > 0 {
		said := own(kindLost)
		said.Lost = lost
		entries = append(entries, said)
	}
	for _, one := range items {
		entries = append(entries, one.entry)
	}
	tree, err := w.attempt(entries)
	if err != nil && w.pseudonyms && !errors.Is(err, ErrBroken) {
		// Another process may have made the key of a principal at the same time.
		tree, err = w.attempt(entries)
	}
	if err != nil {
		w.counts.writes.Add(1)
		w.giveUp(items, lost, err)
		return err
	}
	if w.sealed == w.tree.size {
		w.unsealed = time.Now()
	}
	w.tree = tree
	w.counts.stored.Add(uint64(len(items)))
	w.counts.uncovered.Store(w.tree.size - w.sealed)
	tell(items, nil)
	return nil
}

// attempt stores entries. It returns the tree that the log has then.
func (w *writer) attempt(entries []Entry) (tree frontier, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), w.timeout)
	defer cancel()
	var keys []principalKey
	if w.pseudonyms {
		if entries, keys, err = w.store.hide(ctx, entries); err != nil {
			return frontier{}, err
		}
	}
	rows, tree, err := w.rows(entries)
	if err != nil {
		return frontier{}, err
	}
	if err := w.store.append(ctx, w.origin, rows, keys); err != nil {
		return tree, w.settle(rows, err)
	}
	return tree, nil
}

// settle finds out what became of a write that failed: a connection may be lost after
// the database has committed. It returns nil where the rows are there.
func (w *writer) settle(rows []row, failure error) error {
	ctx, cancel := context.WithTimeout(context.Background(), w.timeout)
	defer cancel()
	size, err := w.store.size(ctx, w.origin)
	if err != nil {
		return errors.Join(failure, err)
	}
	if size == w.tree.size {
		return failure
	}
	there := 0
	for found, err := range w.store.rows(ctx, w.origin, w.tree.size, -1) {
		if err != nil {
			return errors.Join(failure, err)
		}
		if there >= len(rows) || found.number != rows[there].number || found.hash != rows[there].hash || string(found.event) != string(rows[there].event) {
			return fmt.Errorf("%w: it has %d events, and this process wrote %d", ErrBroken, size, w.tree.size)
		}
		there++
	}
	if there < len(rows) {
		return fmt.Errorf("%w: it has %d events, and this process wrote %d", ErrBroken, size, w.tree.size)
	}
	return nil
}

// giveUp tells those that wait, and keeps the other events for the next try.
func (w *writer) giveUp(items []item, lost int, err error) {
	again := make([]item, 0, len(items))
	for _, one := range items {
		if one.written != nil {
			w.counts.dropped.Add(1)
			one.written <- fmt.Errorf("%w: %w", ErrNotWritten, err)
		} else {
			again = append(again, one)
		}
	}
	w.queue.putBack(again, lost)
}

// rows returns entries as they are stored, and the tree with them.
func (w *writer) rows(entries []Entry) ([]row, frontier, error) {
	tree := w.tree.clone()
	rows := make([]row, 0, len(entries))
	for _, entry := range entries {
		event, err := entry.encode()
		if err != nil {
			return nil, frontier{}, err
		}
		hash := tlog.RecordHash(event)
		rows = append(rows, row{number: tree.size, hash: hash, event: event})
		tree.add(hash)
	}
	return rows, tree, nil
}

// sealIfDue signs a checkpoint where one is due, and returns how long there is until
// the next may be.
func (w *writer) sealIfDue() time.Duration {
	if w.sealed == w.tree.size {
		return time.Hour
	}
	left := w.interval - time.Since(w.unsealed)
	if left > 0 && w.tree.size-w.sealed < w.every {
		return left
	}
	ctx, cancel := context.WithTimeout(context.Background(), w.timeout)
	defer cancel()
	if err := w.seal(ctx); err != nil {
		w.logger.Error("an audit checkpoint could not be written", "log", w.origin, "error", err)
		return w.interval
	}
	return time.Hour
}

// seal signs a checkpoint, stores it and hands it on.
func (w *writer) seal(ctx context.Context) error {
	signed, err := Checkpoint{Origin: w.origin, Size: w.tree.size, Root: w.tree.root()}.sign(w.signer)
	if err != nil {
		return err
	}
	if err = w.store.seal(ctx, w.origin, w.tree, signed); err == nil {
		w.sealed = w.tree.size
		w.counts.signed.Add(1)
		w.counts.uncovered.Store(0)
	} else {
		w.counts.checkpoints.Add(1)
	}
	for _, place := range w.places {
		place.hand(signed) // also where the database is down
	}
	return err
}

// end writes that the log ends here.
func (w *writer) end() {
	err := w.write([]item{{entry: own(kindClosed)}}, 0)
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), w.timeout)
		defer cancel()
		err = w.seal(ctx)
	}
	if err != nil {
		w.fail(err)
	}
}

// fail ends the log, and drops what waits.
func (w *writer) fail(err error) {
	w.counts.dropped.Add(uint64(w.queue.fail(err))) //nolint:gosec // a length
}
