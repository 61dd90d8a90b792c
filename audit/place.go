package audit

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A place is where checkpoints are handed to.
type place struct {
	name string
	keep func(ctx context.Context, signed []byte) error

	newest chan []byte
	group  sync.WaitGroup
}

// start returns a place that keeps what it is handed, by a goroutine of its own, and
// counts what it does not keep.
func (p *place) start(timeout time.Duration, logger *slog.Logger, failed *atomic.Uint64) *place {
	started := &place{name: p.name, keep: p.keep, newest: make(chan []byte, 1)}
	started.group.Go(func() {
		for signed := range started.newest {
			if err := started.keepOne(signed, timeout); err != nil {
				failed.Add(1)
				logger.Error("an audit checkpoint was not kept", "place", p.name, "error", err)
			}
		}
	})
	return started
}

func (p *place) keepOne(signed []byte, timeout time.Duration) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	defer func() {
		if recovered := recover(); recovered != nil {
			err = fmt.Errorf("it panicked: %v", recovered)
		}
	}()
	return p.keep(ctx, signed)
}

// hand hands a checkpoint on. One that still waits is replaced. It has one caller at a
// time.
func (p *place) hand(signed []byte) {
	select {
	case <-p.newest:
	default:
	}
	p.newest <- signed
}

// end waits until what was handed on is kept.
func (p *place) end() {
	close(p.newest)
	p.group.Wait()
}

// CheckpointFile returns a function for [WithCheckpointsTo] that appends checkpoints to
// a file and makes them durable. It makes the file where there is none, readable for
// its owner alone. `sallyport audit verify` reads such files.
func CheckpointFile(path string) func(ctx context.Context, signed []byte) error {
	return func(_ context.Context, signed []byte) error {
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600) //nolint:gosec // the operator names the file
		if err != nil {
			return err
		}
		_, err = file.Write(append(slices.Clip(signed), '\n'))
		if err == nil {
			err = file.Sync()
		}
		if closed := file.Close(); err == nil {
			err = closed
		}
		return err
	}
}

// KeepCheckpoint keeps a checkpoint of a log in another database: it is a function for
// [WithCheckpointsTo]. Its tables must be there ([Store.Create]).
func (s *Store) KeepCheckpoint(ctx context.Context, signed []byte) error {
	said, err := readCheckpoint(signed)
	if err != nil {
		return err
	}
	_, err = s.db.ExecContext(ctx, "INSERT INTO audit_checkpoints (log, size, signed, frontier) VALUES ($1, $2, $3, $4)",
		said.Origin, said.Size, string(signed), []byte{})
	return err
}
