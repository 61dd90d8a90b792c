package pgstore_test

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-rpc/sallyport/authn/session/pgstore"
)

// TestStrangersWhoLeave has 400 strangers a second ask for made-up tokens, with more
// work for the pool than it can do, and leave after 50 ms. An honest caller is served,
// and no connection is lost over them.
func TestStrangersWhoLeave(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	pool, proxy := server.pool(t, 5*time.Millisecond)
	store := newStore(t, pool)
	commit(t, store, "honest", time.Hour)

	const lasts = 5 * time.Second
	end := time.Now().Add(lasts)
	var group sync.WaitGroup
	group.Go(func() {
		ticker := time.NewTicker(time.Second / 400)
		defer ticker.Stop()
		for range ticker.C {
			if time.Now().After(end) {
				return
			}
			group.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				if _, found, err := store.FindCtx(ctx, rand.Text()); found || err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("a stranger: %v, %v", found, err)
				}
			})
		}
	})
	var took []time.Duration
	for time.Now().Before(end) {
		began := time.Now()
		if _, found, err := store.FindCtx(t.Context(), "honest"); !found || err != nil {
			t.Errorf("the honest caller: %v, %v", found, err)
		}
		took = append(took, time.Since(began))
		time.Sleep(20 * time.Millisecond)
	}
	group.Wait()
	slices.Sort(took)
	median, last := took[len(took)/2], took[len(took)-1]
	if last > time.Second {
		t.Errorf("the honest caller waited %v", last)
	}
	if got := proxy.Connections(); got > maxConns {
		t.Errorf("%d connections were made, want at most %d", got, maxConns)
	}
	t.Logf("honest caller beside 400 strangers a second: %d calls, median %v, max %v; %d connections",
		len(took), median.Round(time.Millisecond), last.Round(time.Millisecond), proxy.Connections())
}

// TestSilentServer has the server stop in the middle of everything. Calls leave with
// their contexts, and after five seconds without one; Close does not wait.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	pool, proxy := server.pool(t, 0)
	store := newStore(t, pool)
	commit(t, store, "honest", time.Hour)
	proxy.Stall()

	took := func(lasts time.Duration, do func(ctx context.Context) error) time.Duration {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), lasts)
		defer cancel()
		began := time.Now()
		if err := do(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		return time.Since(began)
	}
	find := func(ctx context.Context) error { _, _, err := store.FindCtx(ctx, "honest"); return err }
	// More than there are connections: some wait for one.
	var group sync.WaitGroup
	for range 3 * maxConns {
		group.Go(func() {
			if got := took(50*time.Millisecond, find); got > time.Second {
				t.Errorf("FindCtx took %v", got)
			}
		})
	}
	group.Wait()
	for name, do := range map[string]func(context.Context) error{
		"CommitCtx": func(ctx context.Context) error {
			return store.CommitCtx(ctx, "other", []byte("x"), time.Now().Add(time.Hour))
		},
		"DeleteCtx": func(ctx context.Context) error { return store.DeleteCtx(ctx, "honest") },
	} {
		if got := took(50*time.Millisecond, do); got > time.Second {
			t.Errorf("%s took %v", name, got)
		}
	}
	if got := took(time.Hour, find); got > 10*time.Second {
		t.Errorf("without a deadline it took %v", got)
	}
	began := time.Now()
	pgstore.Close(pool)
	if got := time.Since(began); got > 3*time.Second {
		t.Errorf("Close took %v", got)
	}
}
