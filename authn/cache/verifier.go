package cache

import (
	"context"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
)

// A Verifier is an [authn.Authenticator] in two halves, of which a [Cache] can save
// the second: it is for credentials that are a text. It must be safe for concurrent
// use.
type Verifier interface {
	authn.Authenticator
	// Credential returns the credential that a call brings, unverified and not empty,
	// or an error as Authenticate does. It runs at every call. Whatever else of the call
	// counts, such as where it came from, has to be looked at here.
	Credential(call *connect.CallInfo) (string, error)
	// Verify returns whom a credential stands for, or an error as Authenticate does, but
	// for [authn.ErrNoCredential]. It should return when ctx ends. The answer is given
	// to other calls too, so it may depend on the credential and on no call: ctx carries
	// no value of any.
	Verify(ctx context.Context, credential string) (*authn.Principal, error)
}
