package directory

import (
	"context"
	"time"
)

// turnsPatience is how many times as long as for the lock of another process a write
// waits for those of this one.
const turnsPatience = 6

// write writes when those that came before have written. SQLite has one writer at a
// time, and lets the others try again at intervals, with a connection each and in no
// order: where many write, one may never have its turn, and reads find no connection.
// It fails with [ErrBusy] where its turn does not come in time.
func (d *Directory) write(ctx context.Context, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	late := time.NewTimer(turnsPatience * d.patience)
	defer late.Stop()
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
		return do()
	case <-ctx.Done():
		return ctx.Err()
	case <-late.C:
		return ErrBusy
	}
}
