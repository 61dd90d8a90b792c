package directory

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Many who sign in at once all have their turn, though none waits long for the lock of
// another process, and reads go on meanwhile.
func TestManyWriters(t *testing.T) {
	t.Parallel()
	directory, err := Open(t.Context(), filepath.Join(t.TempDir(), "demo.db"), Config{Patience: 30 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = directory.Close() })
	directory.patience = time.Minute // for turns
	testManyWriters(t, directory)
}

// PostgreSQL has no turns for them.
func TestManyWritersToPostgres(t *testing.T) {
	t.Parallel()
	testManyWriters(t, openPostgresAt(t, newSchema(t)))
}

func testManyWriters(t *testing.T, directory *Directory) {
	t.Helper()
	const writers, each = 64, 8
	user := add(t, directory, "member", Member)
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			for n := range each {
				data := fmt.Appendf(nil, `{"user": %q, "writer": "%d-%d"}`, user.ID, i, n)
				if err := directory.Sessions().Commit(fmt.Sprint(i, n), data, time.Now().Add(time.Hour)); err != nil {
					t.Errorf("writer %d: %v", i, err)
					return
				}
				if _, err := directory.Get(t.Context(), user.ID); err != nil {
					t.Errorf("reader %d: %v", i, err)
				}
			}
		})
	}
	group.Wait()
}

// A write waits for its turn as long as its caller, and its patience, last.
func TestTurns(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		held, caller time.Duration // how long another has the turn, and the caller waits
		want         error
	}{
		"in time":         {59 * time.Second, time.Hour, nil},
		"too late":        {61 * time.Second, time.Hour, ErrBusy},
		"the caller left": {time.Hour, time.Second, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				directory := &Directory{dialect: sqliteDialect, patience: time.Minute / turnsPatience, turn: make(chan struct{}, 1)}
				go func() {
					_ = directory.write(context.Background(), func() error { time.Sleep(test.held); return nil })
				}()
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), test.caller)
				defer cancel()
				wrote := false
				err := directory.write(ctx, func() error { wrote = true; return nil })
				if !errors.Is(err, test.want) || wrote != (test.want == nil) {
					t.Errorf("it wrote: %t, with %v, want %v", wrote, err, test.want)
				}
				time.Sleep(time.Hour)
				if err := directory.write(t.Context(), func() error { return nil }); err != nil {
					t.Errorf("later: %v", err)
				}
			})
		})
	}
}
