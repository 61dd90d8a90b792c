package session

import (
	"context"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2/memstore"

	"github.com/sallyport-rpc/sallyport/authn"
)

func TestKeysOfOneTextDiffer(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, kind := range []string{recordKey, lastUseKey, epochKey} {
		for _, of := range []string{"", "ada", newToken()} {
			name := key(kind, of)
			if len(name) != 43 || seen[name] {
				t.Errorf("the key of %s%s is %s", kind, of, name)
			}
			seen[name] = true
		}
	}
}

// contextual is a store that takes contexts, and must be given none but them.
type contextual struct {
	*memstore.MemStore

	t     *testing.T
	calls int
}

type contextKey struct{}

func (c *contextual) check(ctx context.Context) {
	c.calls++
	if ctx.Value(contextKey{}) != "the call's" {
		c.t.Error("the store was called with another context")
	}
}

func (c *contextual) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	c.check(ctx)
	return c.Find(token)
}

func (c *contextual) CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error {
	c.check(ctx)
	return c.Commit(token, b, expiry)
}

func (c *contextual) DeleteCtx(ctx context.Context, token string) error {
	c.check(ctx)
	return c.Delete(token)
}

func TestStoreIsGivenTheContext(t *testing.T) {
	t.Parallel()
	store := &contextual{MemStore: memstore.NewWithCleanupInterval(0), t: t}
	manager, err := New(store, func(context.Context, string) (authn.Details, error) { return authn.Details{}, nil })
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.WithValue(t.Context(), contextKey{}, "the call's")
	token, err := manager.Start(ctx, "ada")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := manager.find(ctx, token); err != nil {
		t.Error(err)
	}
	if err := manager.entries.remove(ctx, token); err != nil {
		t.Error(err)
	}
	if store.calls != 5+3+2 {
		t.Errorf("the store was called %d times", store.calls)
	}
}
