package actiontest

import (
	"context"
	"strings"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
)

// Tokens is an authenticator for tests. It knows each principal by a token, which
// callers send as "Authorization: Bearer <token>". Any other token is invalid, and
// no Authorization header is no credential.
type Tokens map[string]*authn.Principal

// Authenticate finds the principal of the call's token.
func (t Tokens) Authenticate(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	values := call.RequestHeader().Values("Authorization")
	if len(values) == 0 {
		return nil, authn.ErrNoCredential
	}
	token, ok := strings.CutPrefix(values[0], "Bearer ")
	principal := t[token]
	if !ok || len(values) > 1 || principal == nil {
		return nil, authn.InvalidCredential("unknown token")
	}
	return principal, nil
}

// ReportsAuthenticationTime implements [authn.FreshnessReporter]: a test's principals say it
// themselves.
func (Tokens) ReportsAuthenticationTime() bool { return true }

// Bearer returns the caller that sends a token of [Tokens].
func Bearer(name, token string) Caller {
	return Caller{Name: name, Header: map[string]string{"Authorization": "Bearer " + token}}
}
