package main

import (
	"context"
	"errors"
	"fmt"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/bearer"
	"github.com/sallyport-rpc/sallyport/authn/cache"
)

// newTokens returns what authenticates callers by the tokens of an OpenID provider,
// and what closes it. Without an issuer no call has such a token.
//
// Who comes by a token is known to the issuer, and is no user of the directory. The
// principal's id is the issuer, "#" and the subject, as package bearer makes it; a
// user's id is a UUID, so neither can be the other, and what is declared for oneself
// (principal.id == request.user_id) is for users alone. Roles are those in the
// token's "roles": whom the issuer calls an admin is one.
func newTokens(issuer, audience string) (scheme authn.Authenticator, closeAll func() error, err error) {
	if issuer == "" {
		return noTokens{}, func() error { return nil }, nil
	}
	tokens, err := bearer.New(issuer, audience, bearer.Discovery())
	if err != nil {
		return nil, nil, fmt.Errorf("cannot take tokens: %s: choose another -oidc-issuer or -oidc-audience", line(err))
	}
	verified, err := cache.New()
	if err != nil {
		return nil, nil, errors.Join(err, tokens.Close())
	}
	return verified.Wrap(tokens), func() error { return errors.Join(verified.Close(), tokens.Close()) }, nil
}

// noTokens is the scheme of a demo that takes no tokens: no call has a credential of
// its kind.
type noTokens struct{}

var _ authn.FreshnessReporter = noTokens{}

// Authenticate returns [authn.ErrNoCredential].
func (noTokens) Authenticate(context.Context, *connect.CallInfo) (*authn.Principal, error) {
	return nil, authn.ErrNoCredential
}

// ReportsAuthenticationTime reports true, as it would with tokens: what can be
// registered does not depend on flags.
func (noTokens) ReportsAuthenticationTime() bool { return true }
