package session

import (
	"context"
	"errors"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/internal/detached"
)

const (
	// contextlessLimit is how many operations of a store without contexts may be under
	// way, those that no call waits for any more included.
	contextlessLimit = 64
	// contextlessTimeout is how long a call waits for such a store.
	contextlessTimeout = 5 * time.Second
)

var errBusyStore = authn.Unavailable(errors.New("the session store is busy, or does not answer"))

// withContext gives a store the methods that take a context, if it lacks them.
func withContext(store scs.Store) scs.CtxStore {
	switch store := store.(type) {
	case scs.CtxStore:
		return store
	case *memstore.MemStore:
		return memory{store}
	default:
		return contextless{Store: store, slots: make(chan struct{}, contextlessLimit)}
	}
}

// contextless is a store that cannot be interrupted. Each operation runs in a goroutine
// of its own, so that a call leaves when its context ends; the operation goes on, and
// counts against the limit until it returns.
type contextless struct {
	scs.Store // Find, Commit and Delete are part of what a [scs.CtxStore] has

	slots chan struct{}
}

func (c contextless) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	type found struct {
		data []byte
		ok   bool
	}
	result, err := within(ctx, c, func() (found, error) {
		data, ok, err := c.Find(token)
		return found{data, ok}, err
	})
	return result.data, result.ok, err
}

func (c contextless) CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error {
	_, err := within(ctx, c, func() (struct{}, error) { return struct{}{}, c.Commit(token, b, expiry) })
	return err
}

func (c contextless) DeleteCtx(ctx context.Context, token string) error {
	_, err := within(ctx, c, func() (struct{}, error) { return struct{}{}, c.Delete(token) })
	return err
}

// within runs an operation and waits for it no longer than ctx, or the timeout, lasts.
func within[T any](ctx context.Context, store contextless, operation func() (T, error)) (T, error) {
	var none T
	// Of two ready cases a select takes either: an operation whose call has ended is not begun.
	if err := ctx.Err(); err != nil {
		return none, err
	}
	select {
	case store.slots <- struct{}{}:
	case <-ctx.Done():
		return none, ctx.Err()
	case <-time.After(contextlessTimeout):
		return none, errBusyStore
	}
	return detached.Run(ctx, contextlessTimeout, func(context.Context) (T, error) {
		defer func() { <-store.slots }()
		return operation()
	})
}

// memory is the store in memory of scs, which never makes a call wait.
type memory struct{ *memstore.MemStore }

func (m memory) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	return m.Find(token)
}

func (m memory) CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return m.Commit(token, b, expiry)
}

func (m memory) DeleteCtx(ctx context.Context, token string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return m.Delete(token)
}
