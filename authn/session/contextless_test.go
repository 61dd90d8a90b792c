package session_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/session"
)

// A blocking store takes no contexts, and while it is shut answers nothing.
type blocking struct {
	scs.Store

	mu      sync.Mutex
	shut    chan struct{} // nil while it answers
	waiting int
}

func newBlocking() *blocking { return &blocking{Store: memstore.NewWithCleanupInterval(0)} }

func (b *blocking) turn(shut bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if shut {
		b.shut = make(chan struct{})
	} else if b.shut != nil {
		close(b.shut)
		b.shut = nil
	}
}

func (b *blocking) wait() {
	b.mu.Lock()
	shut := b.shut
	b.waiting++
	b.mu.Unlock()
	if shut != nil {
		<-shut
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting--
}

func (b *blocking) underWay() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting
}

func (b *blocking) Find(token string) ([]byte, bool, error) { b.wait(); return b.Store.Find(token) }
func (b *blocking) Delete(token string) error               { b.wait(); return b.Store.Delete(token) }
func (b *blocking) Commit(token string, data []byte, expiry time.Time) error {
	b.wait()
	return b.Store.Commit(token, data, expiry)
}

// A call leaves a silent store when its context ends, and after five seconds in any
// case. However many come, the operations that wait there are few.
func TestSilentStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newBlocking()
		manager := newManager(t, store)
		token := start(t, manager, "ada")
		store.turn(true)

		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := manager.Authenticate(ctx, bearer(token).call())
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != 50*time.Millisecond {
			t.Errorf("with a deadline: %v after %v", err, took)
		}

		began = time.Now()
		_, err = manager.Authenticate(t.Context(), bearer(token).call())
		if took := time.Since(began); !errors.Is(err, authn.ErrUnavailable) || took != 5*time.Second {
			t.Errorf("without a deadline: %v after %v", err, took)
		}

		var group sync.WaitGroup
		for range 1000 {
			group.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				if _, err := manager.Authenticate(ctx, bearer(token).call()); !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if got := store.underWay(); got != 64 {
			t.Errorf("%d operations are under way, want 64", got)
		}
		began = time.Now()
		_, err = manager.Authenticate(t.Context(), bearer(token).call())
		if took := time.Since(began); !errors.Is(err, authn.ErrUnavailable) || !strings.Contains(err.Error(), "busy") || took != 5*time.Second {
			t.Errorf("with the store full: %v after %v", err, took)
		}

		store.turn(false)
		synctest.Wait()
		if got := authenticate(t, manager, bearer(token)); got != "ada" || store.underWay() != 0 {
			t.Errorf("once it answers: %s, %d under way", got, store.underWay())
		}
	})
}

// A call that has ended begins no operation; one that goes on does.
func TestEndedCallLeavesTheStoreAlone(t *testing.T) {
	t.Parallel()
	t.Run("without contexts", func(t *testing.T) { t.Parallel(); endedCall(t, newRecorder()) })
	t.Run("in memory", func(t *testing.T) { t.Parallel(); endedCall(t, memstore.NewWithCleanupInterval(0)) })
}

func endedCall(t *testing.T, store scs.Store) {
	t.Helper()
	manager := newManager(t, store)
	token := start(t, manager, "ada")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if token, err := manager.Start(ended, "ada"); token != "" || !errors.Is(err, context.Canceled) {
		t.Errorf("Start = %q, %v", token, err)
	}
	for range 100 { // a select among ready cases takes each of them at times
		if err := manager.EndAll(ended, "ada"); !errors.Is(err, context.Canceled) {
			t.Fatalf("EndAll: %v", err)
		}
	}
	if got := authenticate(t, manager, bearer(token)); got != "ada" {
		t.Errorf("afterwards: %s", got)
	}
	if err := manager.EndAll(t.Context(), "ada"); err != nil {
		t.Fatal(err)
	}
	if got := authenticate(t, manager, bearer(token)); got != "invalid" {
		t.Errorf("after an EndAll that was not cancelled: %s", got)
	}
}

// A store that panics fails the call that asked, and not the process.
func TestStorePanics(t *testing.T) {
	t.Parallel()
	store := newRecorder()
	manager := newManager(t, store)
	token := start(t, manager, "ada")
	store.hook(func(string) error { panic("the store") })
	func() {
		defer func() {
			if recovered := recover(); recovered != "the store" {
				t.Errorf("recovered %v", recovered)
			}
		}()
		_, _ = manager.Authenticate(t.Context(), bearer(token).call())
		t.Error("it did not panic")
	}()
	store.hook(nil)
	if got := authenticate(t, manager, bearer(token)); got != "ada" {
		t.Errorf("afterwards: %s", got)
	}
}

// The store in memory never makes a call wait, so it costs no goroutine.
func TestMemoryStoreIsCalledDirectly(t *testing.T) {
	manager, err := session.New(memstore.NewWithCleanupInterval(0), anyUser)
	if err != nil {
		t.Fatal(err)
	}
	token, err := manager.Start(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if got := outcome(manager.Authenticate(ended, bearer(token).call())); got != "canceled" {
		t.Errorf("with an ended context: %s", got)
	}
	if err := manager.EndAll(ended, "ada"); !errors.Is(err, context.Canceled) {
		t.Errorf("EndAll: %v", err)
	}
	if got := authenticate(t, manager, bearer(token)); got != "ada" {
		t.Errorf("afterwards: %s", got)
	}
}
