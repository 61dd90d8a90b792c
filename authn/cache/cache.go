package cache

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/sallyport-rpc/sallyport/action"
)

// A Cache remembers the answers of the authenticators that it wraps. Make one with
// [New]; one is enough for a process. It is safe for concurrent use.
type Cache struct {
	settings

	good, bad   *table
	revocations *revocations

	// ends with Close; whatever the cache does by itself is done in it
	ctx    context.Context //nolint:containedctx // it is the cache's own, and no call's
	cancel context.CancelFunc
	group  sync.WaitGroup

	mu      sync.Mutex
	flights map[key]*flight
	heard   []func(principalID string)
}

var (
	errClosed = action.Unavailable(errors.New("the cache is closed"))
	errBusy   = action.Unavailable(errors.New("the credential is revoked again and again while it is verified"))
)

// New returns an empty cache. The error names everything that is wrong with the
// options. Call [Cache.Close] when done.
func New(options ...Option) (*Cache, error) {
	chosen := defaults
	for _, option := range options {
		option.apply(&chosen)
	}
	if err := chosen.check(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	cache := &Cache{
		settings: chosen,
		good:     newTable(chosen.size), bad: newTable(chosen.size),
		revocations: newRevocations(),
		ctx:         ctx, cancel: cancel,
		flights: map[key]*flight{},
	}
	if chosen.link != nil {
		cache.group.Go(cache.listen)
	}
	return cache, nil
}

// Close ends the verifications that are under way and the subscription to the link,
// and waits for them: no goroutine of the cache outlives it. Afterwards its
// authenticators answer [action.ErrUnavailable] to what they do not remember.
func (c *Cache) Close() error {
	c.mu.Lock() // so that no verification begins between the two
	c.cancel()
	c.mu.Unlock()
	c.group.Wait()
	return nil
}

// Wrap returns an authenticator that answers as the verifier does, and remembers the
// answers. It challenges as the verifier does, and knows of authentication times what
// the verifier knows. Of a verifier that is an [action.Revoker] it learns what to
// forget. Wrapping nil gives nil, which no registry takes.
func (c *Cache) Wrap(verifier Verifier) *Authenticator {
	if value := reflect.ValueOf(verifier); !value.IsValid() || value.Kind() == reflect.Pointer && value.IsNil() {
		return nil
	}
	if revoker, ok := verifier.(action.Revoker); ok {
		revoker.OnRevoke(func(principalID string) { c.forget(Revocation{ofPrincipal, principalID}) })
	}
	return &Authenticator{cache: c, verifier: verifier, keys: newKeys()}
}

// Revoke makes the cache forget everything that stands for the principal, whichever
// authenticator said so, and live streams of the principal are looked at again. When
// it returns, every later call in this process is verified anew.
//
// The other processes of the link are told before it returns. The error is that of
// telling them: this process has forgotten all the same, and the others will when
// their answers are too old.
func (c *Cache) Revoke(ctx context.Context, principalID string) error {
	if principalID == "" {
		return errors.New("cache: a principal id is required")
	}
	return c.revoke(ctx, Revocation{ofPrincipal, principalID})
}

// RevokeCredential is [Cache.Revoke] for one credential, as a [Verifier] would name
// it. Live streams are not looked at ahead of time, since nobody remembers which were
// opened with it. The other processes are sent a SHA-256 of the credential, which
// tells it to nobody as long as it has the entropy that a credential needs.
func (c *Cache) RevokeCredential(ctx context.Context, credential string) error {
	if credential == "" {
		return errors.New("cache: a credential is required")
	}
	return c.revoke(ctx, revocationOf(credential))
}

func (c *Cache) revoke(ctx context.Context, revocation Revocation) error {
	c.forget(revocation)
	if c.link == nil {
		return nil
	}
	return c.link.Publish(ctx, revocation)
}

// forget makes this process forget, and tells those who listen.
func (c *Cache) forget(revocation Revocation) {
	c.revocations.add(revocation)
	if revocation.kind != ofPrincipal {
		return
	}
	c.mu.Lock()
	heard := slices.Clone(c.heard)
	c.mu.Unlock()
	for _, revoked := range heard {
		revoked(revocation.name)
	}
}

// recall returns what is remembered under a key, or nil.
func (c *Cache) recall(key key, now time.Time) *answer {
	for _, table := range [...]*table{c.good, c.bad} {
		if answer := table.find(key); answer != nil && answer.holds(now) && !c.revocations.since(answer) {
			answer.used()
			return answer
		}
	}
	return nil
}
