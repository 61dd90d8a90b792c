package actiontest

import (
	"context"
	"strings"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
)

// Tokens is an authenticator of one scheme, for tests: it knows each principal by a
// token. On the wire a token names its scheme, as in "Authorization: Bearer session.ann",
// so that several Tokens can stand behind one action: each takes the tokens of the others
// for no credential of its own. It does not change and is safe for concurrent use. Make
// one with [NewTokens]; the zero Tokens knows no one.
type Tokens struct {
	scheme     string
	principals map[string]*authn.Principal
}

// NewTokens returns the authenticator of the scheme that the registry binds it to. It
// knows principals by the tokens that are the keys of the map; a token is made of letters,
// digits and the characters - . _ ~ + / and =.
func NewTokens(scheme string, principals map[string]*authn.Principal) *Tokens {
	known := make(map[string]*authn.Principal, len(principals))
	for token, principal := range principals {
		known[scheme+"."+token] = principal
	}
	return &Tokens{scheme: scheme, principals: known}
}

// Authenticate finds the principal of the call's token. A token of the scheme that it
// does not know is invalid, and so is any header that does not hold one token. No header,
// or a token of another scheme, is no credential.
func (t *Tokens) Authenticate(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	values := call.RequestHeader().Values("Authorization")
	if len(values) == 0 {
		return nil, authn.ErrNoCredential
	}
	token, ok := strings.CutPrefix(values[0], "Bearer ")
	scheme, _, named := strings.Cut(token, ".")
	if !ok || len(values) > 1 || !named {
		return nil, authn.InvalidCredential("not one test token; actiontest.Tokens.Caller makes one")
	}
	if scheme != t.scheme {
		return nil, authn.ErrNoCredential
	}
	principal := t.principals[token]
	if principal == nil {
		return nil, authn.InvalidCredential("a test token that is not among those of the scheme " + scheme)
	}
	return principal, nil
}

// ReportsAuthenticationTime implements [authn.FreshnessReporter]: a test's principals say it
// themselves.
func (*Tokens) ReportsAuthenticationTime() bool { return true }

// Token returns what the caller with a token sends after "Bearer ", such as
// "session.ann": for client.WithToken and for other clients.
func (t *Tokens) Token(token string) string { return t.scheme + "." + token }

// Caller returns the caller that sends a token. Where there is no such token, it is a
// caller with an invalid credential.
func (t *Tokens) Caller(name, token string) Caller { return Bearer(name, t.Token(token)) }

// Bearer returns the caller that sends a bearer token, of any authenticator that takes
// one.
func Bearer(name, token string) Caller {
	return Caller{Name: name, Header: map[string]string{"Authorization": "Bearer " + token}}
}
