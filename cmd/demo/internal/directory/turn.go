package directory

import (
	"context"
	"time"
)

// turnsPatience is how many times as long as for the lock of another process a write
// waits for those of this one.
const turnsPatience = 6

// tries is how often a write begins that others made impossible.
const tries = 4

// write writes. PostgreSQL has many writers at a time, whose transactions wait for the rows
// of others. SQLite has one, see [Directory.inTurn].
func (d *Directory) write(ctx context.Context, do func() error) error {
	if d.dialect.oneWriter {
		return d.inTurn(ctx, do)
	}
	return d.retry(ctx, do)
}

// inTurn writes when those that came before have written. SQLite has one writer at a
// time, and lets the others try again at intervals, with a connection each and in no
// order: where many write, one may never have its turn, and reads find no connection.
// It fails with [ErrBusy] where its turn does not come in time.
func (d *Directory) inTurn(ctx context.Context, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	late := time.NewTimer(turnsPatience * d.patience)
	defer late.Stop()
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
		return d.retry(ctx, do)
	case <-ctx.Done():
		return ctx.Err()
	case <-late.C:
		return ErrBusy
	}
}

// retry writes again where other transactions made it impossible, and nothing of it was
// stored: of two that wait for each other, PostgreSQL ends one.
func (d *Directory) retry(ctx context.Context, do func() error) error {
	for try := 1; ; try++ {
		err := do()
		if err == nil || try == tries || !d.dialect.again(err) || ctx.Err() != nil {
			return err
		}
	}
}

// finish makes a write that has begun go on when its caller leaves, because it would not be
// known whether it was stored. A PostgreSQL that does not answer does not hold it for ever.
func (d *Directory) finish(ctx context.Context, write func(context.Context) error) error {
	ctx = context.WithoutCancel(ctx)
	if d.dialect.oneWriter {
		return write(ctx)
	}
	limited, cancel := context.WithTimeout(ctx, turnsPatience*d.patience)
	defer cancel()
	err := write(limited)
	if err != nil && limited.Err() != nil {
		return errSilent
	}
	return err
}
