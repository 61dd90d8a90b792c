package cache

import (
	"context"
	"errors"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
)

// An Authenticator answers as the [Verifier] that it wraps, from memory where it can.
// Make one with [Cache.Wrap]. It is safe for concurrent use.
type Authenticator struct {
	cache    *Cache
	verifier Verifier
	keys     *keys
}

var (
	_ action.Challenger = (*Authenticator)(nil)
	_ action.Dated      = (*Authenticator)(nil)
	_ action.Revoker    = (*Authenticator)(nil)
)

var errNameless = errors.New("cache: the verifier named an empty credential")

// Authenticate returns whom the call's credential stands for. The errors are those of
// the verifier, and [action.ErrUnavailable] once the cache is closed.
func (a *Authenticator) Authenticate(ctx context.Context, call *connect.CallInfo) (*action.Principal, error) {
	credential, err := a.verifier.Credential(call)
	if err != nil {
		return nil, err
	}
	if credential == "" {
		return nil, errNameless
	}
	key := a.keys.of(credential)
	if answer := a.cache.recall(key, a.cache.now()); answer != nil {
		return answer.principal, answer.err
	}
	return a.cache.verify(ctx, key, a.verifier, credential)
}

// Challenge returns the verifier's challenge, if it has one.
func (a *Authenticator) Challenge(denial action.Decision) string {
	if challenger, ok := a.verifier.(action.Challenger); ok {
		return challenger.Challenge(denial)
	}
	return ""
}

// KnowsAuthenticationTime reports whether the verifier does.
func (a *Authenticator) KnowsAuthenticationTime() bool {
	dated, ok := a.verifier.(action.Dated)
	return ok && dated.KnowsAuthenticationTime()
}

// OnRevoke asks for revoked to be called with the id of every principal that this
// cache is made to forget, by whomever, other processes included.
func (a *Authenticator) OnRevoke(revoked func(principalID string)) {
	a.cache.listeners.OnRevoke(revoked)
}
