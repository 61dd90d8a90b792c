package cache

import (
	"context"
	"errors"
	"reflect"
	"sync"
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
	// listeners are told of principals, once they are forgotten. They are on no bus: the
	// cache is.
	listeners revoked.Listeners

	// ends with Close; verifications are done in it
	ctx    context.Context //nolint:containedctx // it is the cache's own, and no call's
	cancel context.CancelFunc
	group  sync.WaitGroup

	mu      sync.Mutex
	flights map[key]*flight
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
		chosen.bus.Hear(cache.forget)
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

// Wrap returns an authenticator that answers as the verifier does, and remembers the
// answers. It challenges as the verifier does, and knows of authentication times what
// the verifier knows. Of a verifier that is an [authn.Revoker] it learns what to
// forget. Wrapping nil gives nil, which no registry takes.
func (c *Cache) Wrap(verifier Verifier) *Authenticator {
	if value := reflect.ValueOf(verifier); !value.IsValid() || value.Kind() == reflect.Pointer && value.IsNil() {
		return nil
	}
	if revoker, ok := verifier.(authn.Revoker); ok {
		revoker.OnRevoke(func(principalID string) { c.forget(revocation.OfPrincipal(principalID)) })
	}
	return &Authenticator{cache: c, verifier: verifier, keys: newKeys()}
}

// Revoke makes the cache forget everything that stands for the principal, whichever
// authenticator said so, and live streams of the principal are looked at again. When
// it returns, every later call in this process is verified anew. The other processes
// of a bus are told, which it does not wait for. Without an id it does nothing.
func (c *Cache) Revoke(principalID string) { c.revoke(revocation.OfPrincipal(principalID)) }

// RevokeCredential is Revoke for one credential, as a [Verifier] would name it. Live
// streams are not looked at ahead of time, since nobody remembers which were opened
// with it. The other processes are told its SHA-256.
func (c *Cache) RevokeCredential(credential string) { c.revoke(revocation.OfCredential(credential)) }

func (c *Cache) revoke(revoked revocation.Revocation) {
	c.forget(revoked)
	if c.bus != nil {
		c.bus.Tell(revoked)
	}
}

// forget makes this process forget, and tells those who listen here.
func (c *Cache) forget(revoked revocation.Revocation) {
	if revoked == (revocation.Revocation{}) {
		return
	}
	c.revocations.add(revoked)
	if principalID, ok := revoked.Principal(); ok {
		c.listeners.Tell(principalID)
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
