package bearer

import (
	"context"
	"errors"
	"strings"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/internal/credential"
	"github.com/sallyport-rpc/sallyport/internal/option"
)

// An Authenticator authenticates callers by tokens of one issuer for one audience.
// Make one with [New]. It is safe for concurrent use.
type Authenticator struct {
	issuer, audience string
	keys             *keyring
	settings
}

var (
	_ authn.Challenger        = (*Authenticator)(nil)
	_ authn.FreshnessReporter = (*Authenticator)(nil)
)

// New returns an Authenticator for the tokens that issuer made for audience, both
// exactly as tokens spell them, with the signing keys that keys knows of. The issuer
// has no "#" in it, and for [Discovery] is an https URL; the audience names this API.
// The error names everything that is wrong with the arguments.
//
// New fetches nothing, so that a server can start before its issuer; see
// [Authenticator.Load]. Call [Authenticator.Close] when done.
func New(issuer, audience string, keys KeySource, options ...Option) (*Authenticator, error) {
	chosen := defaults(audience)
	err := errors.Join(option.Apply("bearer", &chosen, options), checkRealm(chosen.realm))
	if issuer == "" || strings.Contains(issuer, "#") {
		err = errors.Join(err, errors.New("bearer: an issuer is required, without a fragment"))
	}
	if audience == "" {
		err = errors.Join(err, errors.New("bearer: an audience is required"))
	}
	if keys == nil {
		return nil, errors.Join(err, errors.New("bearer: a source of keys is required"))
	}
	ring, keysErr := keys.open(issuer, &chosen)
	if err := errors.Join(err, keysErr); err != nil {
		return nil, err
	}
	return &Authenticator{issuer: issuer, audience: audience, keys: ring, settings: chosen}, nil
}

// Load fetches the issuer's keys if there are none. A program can call it at
// start-up to see whether the issuer is there. It fails with [authn.ErrUnavailable]
// where the issuer does; the next call that brings a token tries again.
func (a *Authenticator) Load(ctx context.Context) error { return a.keys.load(ctx) }

// Close ends the fetch that is under way, if any, and waits for it. The only goroutine
// that an Authenticator ever runs is one such fetch, which takes ten seconds at most.
// Afterwards the keys that are there serve until they are too old.
func (a *Authenticator) Close() error {
	a.keys.close()
	return nil
}

// Authenticate verifies the token that came with the call and returns the principal
// that it stands for. See the package for what is refused, and [authn.Authenticator] for the
// errors.
func (a *Authenticator) Authenticate(ctx context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	token, err := a.Credential(call)
	if err != nil {
		return nil, err
	}
	return a.Verify(ctx, token)
}

// Credential returns the token that came with the call, unverified: it is the first
// half of [Authenticator.Authenticate], for a cache in front of the second.
func (a *Authenticator) Credential(call *connect.CallInfo) (string, error) {
	token, err := credential.Framed(call.RequestHeader())
	switch {
	case err != nil:
		return "", err
	case strings.Contains(token, "."):
		return token, nil // Verify is stricter about its letters than the frame is
	case token == "" || credential.IsToken68(token):
		return "", authn.ErrNoCredential
	default:
		return "", errMalformed
	}
}

// Verify verifies a token and returns the principal that it stands for. A token that is
// longer than 8 KiB is an invalid credential. The answer depends on nothing but the token,
// the issuer's keys, the clock, and what the [Identify] function looks at.
func (a *Authenticator) Verify(ctx context.Context, token string) (*authn.Principal, error) {
	signed, err := parse(token)
	if err != nil {
		return nil, err
	}
	if err := signed.allowed(&a.settings); err != nil {
		return nil, err
	}
	key, err := a.keys.find(ctx, signed.header.keyID, signed.header.algorithm)
	if err != nil {
		return nil, err
	}
	payload, err := signed.verify(key)
	if err != nil {
		return nil, err
	}
	verified, err := newToken(payload, a)
	if err != nil {
		return nil, err
	}
	return a.principal(ctx, verified)
}

// CredentialName returns what a token is revoked by, in a cache: all but its signature.
// An ECDSA signature (r, s) has a second spelling (r, n-s), which can be made without
// the key and verifies as well. It cannot be refused, since RFC 7518 leaves the choice to
// the signer and half of all signatures have the larger s. So each spelling is verified
// for itself, and one name revokes both.
func (a *Authenticator) CredentialName(token string) string { return signingInput(token) }

// ReportsAuthenticationTime reports true: by "auth_time" a token can say when its
// subject signed in. One that does not is denied where an action has a max_age.
func (a *Authenticator) ReportsAuthenticationTime() bool { return true }

// principal makes a principal of a token that is good.
func (a *Authenticator) principal(ctx context.Context, token *Token) (*authn.Principal, error) {
	id, details, err := a.identify(ctx, token)
	if err != nil {
		return nil, authn.FromLookup(ctx, "identify the caller", err)
	}
	if id == "" {
		return nil, errors.New("bearer: the identity has no id")
	}
	if details.Claims == nil && a.claims != nil {
		claims := a.claims.New().Interface()
		if err := token.Fill(claims); err != nil {
			return nil, err
		}
		details.Claims = claims
	}
	details.AuthenticatedAt, details.Unscoped = token.AuthenticatedAt, !a.isScoped(token)
	details.EndBy(token.ExpiresAt)
	return authn.NewPrincipal(id, details), nil
}
