package cache

import (
	"context"
	"errors"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
)

// An Authenticator answers as the [Verifier] that it wraps, from memory where it can.
// Make one with [Cache.Wrap]. It is safe for concurrent use.
type Authenticator struct {
	cache    *Cache
	verifier Verifier
	keys     *keys
}

var (
	_ authn.Challenger        = (*Authenticator)(nil)
	_ authn.FreshnessReporter = (*Authenticator)(nil)
	_ authn.Revoker           = (*Authenticator)(nil)
)

var errNoName = errors.New("cache: the verifier returned an empty credential")

// Authenticate returns the principal of the call's credential. The errors are those of
// the verifier, and [authn.ErrUnavailable] once the cache is closed.
func (a *Authenticator) Authenticate(ctx context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	credential, err := a.verifier.Credential(call)
	if err != nil {
		return nil, err
	}
	if credential == "" {
		return nil, errNoName
	}
	key := a.keys.of(credential)
	if answer := a.cache.recall(key, time.Now()); answer != nil {
		a.cache.hits.Add(1)
		return answer.principal, answer.err
	}
	a.cache.misses.Add(1)
	return a.cache.verify(ctx, key, a.verifier, credential)
}

// Challenge returns the verifier's challenge, if it has one.
func (a *Authenticator) Challenge(denial authn.Denial) string {
	if challenger, ok := a.verifier.(authn.Challenger); ok {
		return challenger.Challenge(denial)
	}
	return ""
}

// ReportsAuthenticationTime reports whether the verifier does.
func (a *Authenticator) ReportsAuthenticationTime() bool {
	reporter, ok := a.verifier.(authn.FreshnessReporter)
	return ok && reporter.ReportsAuthenticationTime()
}

// OnRevoke implements [authn.Revoker]: revoked is called with the id of every principal
// that this cache is made to forget, by this process or another, and with "" when it
// forgets a credential or everything.
func (a *Authenticator) OnRevoke(revoked func(principalID string)) {
	a.cache.subscribers.OnRevoke(revoked)
}
