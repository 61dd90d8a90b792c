package demo

import (
	"context"
	"errors"
	"fmt"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/bearer"
	"github.com/sallyport-rpc/sallyport/authn/cache"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// Tokens are the bearer tokens that the demo accepts.
type tokens struct {
	// scheme authenticates callers by them.
	scheme authn.Authenticator
	// issuer makes them. It is empty where the demo accepts none.
	issuer string
	// load returns an error if the issuer's keys are not there and cannot be fetched now.
	load func(context.Context) error
	// close releases what the scheme holds.
	close func() error
}

// newTokens returns the tokens of an OpenID provider, or none where issuer is empty.
//
// Callers with a token are known to the issuer and are not users of the directory. The
// principal's id is the issuer, "#" and the subject, as package bearer makes it. A user's
// id is a UUID, so neither can be the other, and what is declared for a user's own account
// (principal.id == request.user_id) is for users alone. Roles are those in the token's
// claim "roles", and memberships those in its claim "memberships": the issuer says who is an
// admin, and what a caller is in an organisation.
func newTokens(issuer, audience string) (*tokens, error) {
	if issuer == "" {
		none := func() error { return nil }
		return &tokens{scheme: noTokens{}, load: func(context.Context) error { return nil }, close: none}, nil
	}
	authenticator, err := bearer.New(issuer, audience, bearer.Discovery(), bearer.WithClaims(&demov1.Claims{}))
	if err != nil {
		return nil, fmt.Errorf("bearer tokens: %s: choose another -oidc-issuer or -oidc-audience", line(err))
	}
	verified, err := cache.New()
	if err != nil {
		return nil, errors.Join(err, authenticator.Close())
	}
	return &tokens{
		scheme: verified.Wrap(authenticator),
		issuer: issuer,
		load:   authenticator.Load,
		close:  func() error { return errors.Join(verified.Close(), authenticator.Close()) },
	}, nil
}

// noTokens is the scheme of a demo that accepts no tokens: no call has a credential of
// its kind.
type noTokens struct{}

var _ authn.FreshnessReporter = noTokens{}

// Authenticate returns [authn.ErrNoCredential].
func (noTokens) Authenticate(context.Context, *connect.CallInfo) (*authn.Principal, error) {
	return nil, authn.ErrNoCredential
}

// ReportsAuthenticationTime reports true, as the scheme with tokens does: which actions
// can be registered does not depend on flags.
func (noTokens) ReportsAuthenticationTime() bool { return true }
