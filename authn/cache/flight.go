package cache

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/revocation"
	"github.com/sallyport-rpc/sallyport/internal/recovered"
)

// maxVerify is the longest that a verification may take. Callers wait as long as
// their own contexts let them.
const maxVerify = 30 * time.Second

// attempts is how often a call has a credential verified that is revoked each time
// while that is under way.
const attempts = 3

var (
	errNothing    = errors.New("cache: the verifier returned no principal and no error")
	errUnfinished = errors.New("cache: the verifier did not return")
)

// A flight is a verification that is under way. It belongs to no call: all that bring
// the credential meanwhile wait for it.
type flight struct {
	key     key
	ctx     context.Context //nolint:containedctx // it is the flight's own, and no call's
	cancel  context.CancelFunc
	done    chan struct{} // closed when answer is there
	answer  *answer
	waiting int // callers; guarded by the cache's mutex
}

// verify has a credential verified, by others' flight if there is one, and waits for
// the answer. An answer that was revoked meanwhile is asked for again.
func (c *Cache) verify(ctx context.Context, key key, verifier Verifier, credential string) (*authn.Principal, error) {
	for range attempts {
		answer, flight := c.join(key, verifier, credential)
		if flight != nil {
			select {
			case <-flight.done:
				answer = flight.answer
			case <-ctx.Done():
				c.leave(flight)
				return nil, ctx.Err()
			}
		}
		if answer.err != nil || !c.revocations.since(answer) {
			return answer.principal, answer.err
		}
	}
	return nil, errBusy
}

// join returns the answer, if it has come to be remembered, or the flight to wait for.
func (c *Cache) join(key key, verifier Verifier, credential string) (*answer, *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if joined := c.flights[key]; joined != nil {
		joined.waiting++
		return nil, joined
	}
	now := time.Now()
	if remembered := c.recall(key, now); remembered != nil {
		return remembered, nil
	}
	if c.ctx.Err() != nil {
		return &answer{err: errClosed}, nil
	}
	started := &flight{key: key, done: make(chan struct{}), waiting: 1}
	started.ctx, started.cancel = context.WithTimeout(c.ctx, maxVerify)
	c.flights[key] = started
	// Counted before the verifier is asked: what is revoked from here on may have come
	// too late for it.
	asked := c.revocations.count()
	c.group.Go(func() { c.fly(started, verifier, credential, now, asked) })
	return nil, started
}

// leave is for a caller who does not wait any longer. The last one ends the flight,
// and a later call starts another.
func (c *Cache) leave(flight *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if flight.waiting--; flight.waiting == 0 && c.flights[flight.key] == flight {
		delete(c.flights, flight.key)
		flight.cancel()
	}
}

// fly asks the verifier. It lands in any case.
func (c *Cache) fly(flight *flight, verifier Verifier, credential string, now time.Time, asked uint64) {
	answer := &answer{key: flight.key, asked: asked, err: errUnfinished}
	defer func() {
		if thrown := recover(); thrown != nil {
			answer.principal, answer.err = nil, recovered.New("the verifier of the cache", thrown)
		}
		c.land(flight, answer, now)
	}()
	answer.byItself = c.revocations.stripe(revocation.OfCredential(nameOf(verifier, credential)))
	answer.principal, answer.err = sound(verifier.Verify(flight.ctx, credential))
	if answer.principal != nil {
		answer.byPrincipal = c.revocations.stripe(revocation.OfPrincipal(answer.principal.ID()))
		answer.expires = answer.principal.ExpiresAt()
	}
}

// sound holds a verifier to what it may answer.
func sound(principal *authn.Principal, err error) (*authn.Principal, error) {
	switch {
	case errors.Is(err, authn.ErrNoCredential):
		// There is one: passing this on would let another scheme decide.
		return nil, fmt.Errorf("cache: the verifier: %v", err) //nolint:errorlint // see above
	case err != nil:
		return nil, err
	case principal == nil || principal.ID() == "":
		return nil, errNothing
	default:
		return principal, nil
	}
}

// land remembers the answer, if it is one to remember, and gives it to those who wait.
func (c *Cache) land(flight *flight, answer *answer, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if answer.err != nil && c.ctx.Err() != nil {
		answer.err = errClosed
	}
	c.good.drop(flight.key) // it was too old
	switch {
	case answer.err == nil:
		answer.until = now.Add(c.ttl)
		c.good.put(answer)
	case errors.Is(answer.err, authn.ErrInvalidCredential) && !errors.Is(answer.err, authn.ErrUnavailable) && flight.ctx.Err() == nil:
		answer.until = now.Add(c.negative)
		c.bad.put(answer)
	}
	if c.flights[flight.key] == flight {
		delete(c.flights, flight.key)
	}
	flight.answer = answer
	close(flight.done)
	flight.cancel()
}
