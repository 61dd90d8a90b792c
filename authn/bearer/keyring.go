package bearer

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/recovered"
)

// minInterval is the least time between two fetches. It bounds what an attacker with
// made-up key ids can cost the issuer.
const minInterval = 10 * time.Second

// maxFetch is the longest that a fetch takes.
const maxFetch = 10 * time.Second

var (
	errUnknownKey = authn.InvalidCredential("token is by a key that the issuer does not have, or not for this algorithm")
	errHeldBack   = authn.Unavailable(errors.New("token is by an unknown key: the issuer may have added it since its keys were fetched, and the next fetch is held back"))
	errClosed     = authn.Unavailable(errors.New("the authenticator is closed"))
)

// A keyring holds the issuer's keys and renews them. One fetch is under way at a
// time, and all calls that need its outcome wait for it; it belongs to no call, so a
// caller who goes away does not end it for the others.
type keyring struct {
	source        func(context.Context) (keySet, error) // nil where the keys are given
	fetcher       *fetcher
	now           func() time.Time
	refresh, keep time.Duration

	// ends with close; a fetch is done in it
	ctx    context.Context //nolint:containedctx // it is the keyring's own, and no call's
	cancel context.CancelFunc
	group  sync.WaitGroup

	mu       sync.Mutex
	keys     keySet
	askedFor time.Time     // when the keys were asked for
	tried    time.Time     // when a fetch began last
	failure  error         // what became of it, if it failed
	fetching chan struct{} // closed when the fetch under way ends; nil if none is
}

func newKeyring(settings *settings, fetcher *fetcher, source func(context.Context) (keySet, error)) *keyring {
	ctx, cancel := context.WithCancel(context.Background())
	return &keyring{
		source: source, fetcher: fetcher, now: settings.now,
		refresh: settings.refresh, keep: settings.keep,
		ctx: ctx, cancel: cancel,
	}
}

func newStaticKeyring(keys keySet) *keyring { return &keyring{keys: keys} }

// find returns the key that a token is by. While the keys at hand are not too old and
// the key is among them it does not wait, even where it is time to renew them. A key is
// unknown only if it is missing from a fetch that began after the token came: the issuer
// may have added it since an earlier one.
func (r *keyring) find(ctx context.Context, keyID, algorithm string) (crypto.PublicKey, error) {
	if r.source == nil {
		if key, ok := r.keys.find(keyID, algorithm); ok {
			return key, nil
		}
		return nil, errUnknownKey
	}
	key, fetch, err := r.look(keyID, algorithm, true)
	if fetch.ends == nil {
		return key, err
	}
	if err := wait(ctx, fetch.ends); err != nil {
		return nil, err
	}
	key, _, err = r.look(keyID, algorithm, false)
	if errors.Is(err, errHeldBack) && fetch.own {
		err = errUnknownKey
	}
	return key, err
}

// awaited is a fetch that a call waits for. The zero value is none.
type awaited struct {
	ends <-chan struct{}
	own  bool // it began for this call
}

// look returns the key, or the fetch to wait for, or else why there is no key. It
// begins a fetch, if it may, where one could help.
func (r *keyring) look(keyID, algorithm string, mayFetch bool) (crypto.PublicKey, awaited, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	key, ok := r.keys.find(keyID, algorithm)
	usable := r.usable(now)
	began := false
	if mayFetch && (!ok || !usable || now.Sub(r.askedFor) >= r.refresh) {
		began = r.begin(now)
	}
	switch {
	case usable && ok:
		return key, awaited{}, nil
	case mayFetch && r.fetching != nil:
		return nil, awaited{r.fetching, began}, nil
	case r.failure != nil:
		// An unknown key may be one that could not be fetched.
		return nil, awaited{}, authn.Unavailable(fmt.Errorf("fetch the issuer's keys: %w", r.failure))
	case !usable || r.ctx.Err() != nil:
		return nil, awaited{}, errClosed
	case len(r.keys[keyID]) > 0:
		return nil, awaited{}, errUnknownKey // there is one, for another algorithm
	default:
		return nil, awaited{}, errHeldBack
	}
}

// usable reports whether there are keys, and ones that are not too old.
func (r *keyring) usable(now time.Time) bool { return r.keys != nil && now.Sub(r.askedFor) < r.keep }

// begin starts a fetch, unless one is under way, began lately, or the keyring is
// closed. It reports whether it did.
func (r *keyring) begin(now time.Time) bool {
	if r.fetching != nil || r.ctx.Err() != nil || !r.tried.IsZero() && now.Sub(r.tried) < minInterval {
		return false
	}
	done := make(chan struct{})
	r.fetching, r.tried = done, now
	r.group.Go(func() {
		defer close(done)
		keys, err := r.fetch()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.fetching, r.failure = nil, err
		if err == nil {
			r.keys, r.askedFor = keys, now
		}
	})
	return true
}

// fetch asks the source. A panic there is a failure, and not the end of the process.
func (r *keyring) fetch() (keys keySet, err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			keys, err = nil, recovered.New("the source of keys", thrown)
		}
	}()
	ctx, cancel := context.WithTimeout(r.ctx, maxFetch)
	defer cancel()
	return r.source(ctx)
}

// load makes sure that there are keys.
func (r *keyring) load(ctx context.Context) error {
	if r.source == nil {
		return nil
	}
	r.mu.Lock()
	if !r.usable(r.now()) {
		r.begin(r.now())
	}
	fetching := r.fetching
	r.mu.Unlock()
	if fetching != nil {
		if err := wait(ctx, fetching); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.usable(r.now()):
		return nil
	case r.failure != nil:
		return authn.Unavailable(fmt.Errorf("fetch the issuer's keys: %w", r.failure))
	default:
		return errClosed
	}
}

// wait waits for a fetch, as long as ctx lasts.
func wait(ctx context.Context, fetch <-chan struct{}) error {
	select {
	case <-fetch:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *keyring) close() {
	if r.source == nil {
		return
	}
	r.mu.Lock() // so that no fetch begins between the two
	r.cancel()
	r.mu.Unlock()
	r.group.Wait()
	r.fetcher.close()
}
