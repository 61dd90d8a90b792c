package cache

import (
	"context"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
)

// A Verifier is an [authn.Authenticator] in two halves, of which a [Cache] can save
// the second. Its credentials are texts. It must be safe for concurrent use.
type Verifier interface {
	authn.Authenticator
	// Credential returns the credential that a call brings, unverified and not empty,
	// or an error as Authenticate does. It runs at every call. Anything else about the
	// call that counts, such as its address, must be checked here.
	Credential(call *connect.CallInfo) (string, error)
	// Verify returns the principal of a credential, or an error as Authenticate does, but
	// for [authn.ErrNoCredential]. It should return when ctx ends. The answer is given
	// to other calls too, so it may depend on the credential and on no call: ctx carries
	// no value of any.
	Verify(ctx context.Context, credential string) (*authn.Principal, error)
}

// A Namer is a [Verifier] whose credentials have more than one spelling that it takes.
type Namer interface {
	Verifier
	// CredentialName returns one text for all spellings of a credential, which
	// [Cache.RevokeCredential] revokes together. It may be the same for different
	// credentials, which are then revoked together too.
	CredentialName(credential string) string
}

// nameOf returns what a verifier's credential is revoked by.
func nameOf(verifier Verifier, credential string) string {
	if namer, ok := verifier.(Namer); ok {
		return namer.CredentialName(credential)
	}
	return credential
}
