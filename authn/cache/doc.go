// Package cache remembers what authenticators answered, so that a credential which
// comes with every call is verified once in a while.
//
//	verified, err := cache.New()
//	defer verified.Close()
//	registry, err := action.NewRegistry(authn.Schemes{
//		"bearer": verified.Wrap(tokens),
//	})
//
// An answer is remembered for at most a minute, see [WithTTL], counted from when the
// verifier was asked, and never past the credential's own expiry. That a credential is
// invalid is remembered too, for less long and apart, so that a flood of invalid ones
// does not drive out the valid. Other errors are not remembered. When many calls bring a
// credential that is not known, it is verified once; a call that goes away does not fail
// the others, and when the last is gone, the verification ends.
//
// [Cache.Revoke] and [Cache.RevokeCredential] make the cache forget at once, also what
// is being verified at that moment. To forget is not to refuse: the next call asks the
// authenticator again. So first revoke the credential where the authenticator looks, then
// here. With [WithBus] other processes forget as well, as soon as they receive it; while
// they cannot be reached, the minute bounds how long they use what they remember.
//
// Credentials themselves are not kept. What an answer is found by is an HMAC-SHA-256 of
// the credential alone, under a random key that each wrapped authenticator has to
// itself, so that no scheme, issuer or audience finds the answer of another. It is a
// cryptographic hash because callers choose what goes in: if two credentials had one
// hash, one would pass for the other. It has a key so that such a pair cannot be
// searched for, and a hash in a memory dump cannot be compared with a credential.
package cache
