package cache

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/internal/revoked"
	"github.com/sallyport-rpc/sallyport/authn/revocation"
	"github.com/sallyport-rpc/sallyport/internal/option"
)

// A Cache remembers the answers of the authenticators that it wraps. Make one with
// [New]; one is enough for a process. It is safe for concurrent use.
type Cache struct {
	settings

	good, bad   *table
	revocations *revocations
	// subscribers are called after a principal was forgotten. They are on no bus: the
	// cache is.
	subscribers revoked.Subscribers

	// ends with Close; verifications are done in it
	ctx    context.Context //nolint:containedctx // it is the cache's own, and no call's
	cancel context.CancelFunc
	group  sync.WaitGroup

	hits, misses atomic.Uint64

	mu      sync.Mutex
	flights map[key]*flight
	namers  []Namer
}

var (
	errClosed = authn.Unavailable(errors.New("the cache is closed"))
	errBusy   = authn.Unavailable(errors.New("the credential is revoked again and again while it is verified"))
)

// New returns an empty cache. The error names everything that is wrong with the
// options. Call [Cache.Close] when done.
func New(options ...Option) (*Cache, error) {
	chosen := defaults
	if err := option.Apply("cache", &chosen, options); err != nil {
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
	if chosen.bus != nil {
		chosen.bus.Subscribe(cache.forget)
	}
	return cache, nil
}

// Close ends the verifications that are under way and waits for them: they are the
// only goroutines of a cache. Afterwards its authenticators answer
// [authn.ErrUnavailable] to what they do not remember.
func (c *Cache) Close() error {
	c.mu.Lock() // so that no verification begins between the two
	c.cancel()
	c.mu.Unlock()
	c.group.Wait()
	return nil
}

// Lookups returns how many credentials were answered from memory, and how many had to be
// verified, by all authenticators of the cache.
func (c *Cache) Lookups() (hits, misses uint64) { return c.hits.Load(), c.misses.Load() }

// Wrap returns an authenticator that answers as the verifier does, and remembers the
// answers. It challenges as the verifier does, and knows of authentication times what
// the verifier knows. Of a verifier that is an [authn.Revoker] it learns what to
// forget. Wrapping nil gives nil, which no registry takes.
func (c *Cache) Wrap(verifier Verifier) *Authenticator {
	if value := reflect.ValueOf(verifier); !value.IsValid() || value.Kind() == reflect.Pointer && value.IsNil() {
		return nil
	}
	if revoker, ok := verifier.(authn.Revoker); ok {
		revoker.OnRevoke(func(principalID string) {
			if principalID == "" {
				c.forget(revocation.OfEverything())
				return
			}
			c.forget(revocation.OfPrincipal(principalID))
		})
	}
	if namer, ok := verifier.(Namer); ok {
		c.mu.Lock()
		c.namers = append(c.namers, namer)
		c.mu.Unlock()
	}
	return &Authenticator{cache: c, verifier: verifier, keys: newKeys()}
}

// Revoke makes the cache forget every answer that names the principal, by any of its
// authenticators, and has the principal's live streams rechecked. When it returns,
// every later call in this process is verified again. It publishes the revocation to
// the other processes of the bus and does not wait for them. Without an id it does
// nothing.
func (c *Cache) Revoke(principalID string) { c.revoke(revocation.OfPrincipal(principalID)) }

// RevokeCredential is Revoke for one credential, as [Verifier.Credential] returns it,
// in every spelling that its verifier takes.
// It has all live streams rechecked, because the cache does not know which were opened
// with it. What it publishes is a SHA-256 hash of the credential.
func (c *Cache) RevokeCredential(credential string) {
	c.mu.Lock()
	namers := slices.Clone(c.namers)
	c.mu.Unlock()
	names := map[string]bool{credential: true}
	for _, namer := range namers {
		names[namer.CredentialName(credential)] = true
	}
	for name := range names {
		c.revoke(revocation.OfCredential(name))
	}
}

func (c *Cache) revoke(revoked revocation.Revocation) {
	c.forget(revoked)
	if c.bus != nil {
		c.bus.Publish(revoked)
	}
}

// forget makes this process forget, and then has live streams rechecked.
func (c *Cache) forget(revoked revocation.Revocation) {
	if revoked == (revocation.Revocation{}) {
		return
	}
	c.revocations.add(revoked)
	principalID, _ := revoked.Principal()
	c.subscribers.Publish(principalID) // without an id, of all principals
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
