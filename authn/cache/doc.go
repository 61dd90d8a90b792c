// Package cache remembers what authenticators answered, so that a credential which
// comes with every call is verified once in a while.
//
//	verified, err := cache.New()
//	defer verified.Close()
//	registry, err := action.NewRegistry(authn.Schemes{
//		"bearer": verified.Wrap(tokens),
//		"apikey": verified.Wrap(keys),
//	})
//
// An answer is remembered for at most a minute, see [WithTTL], counted from when it
// was asked for, and never past the credential's own expiry. That a credential is
// not good is remembered too, for less long and apart, so that no flood of bad ones
// drives the good ones out. That nobody could tell is not remembered at all. When a
// credential is seen first by many calls at once, it is verified once; those of them
// that go away fail nobody else, and when the last is gone, so is the verification.
//
// [Cache.Revoke] and [Cache.RevokeCredential] make the cache forget, at once, also
// what is being verified at that moment. Forgetting is not refusing: the next call
// asks the authenticator again. So first take the credential back where the
// authenticator looks, then revoke it here. With [WithBus] other processes forget as
// well, as soon as they hear of it; while they cannot be reached, the minute is what
// bounds how long they go on.
//
// Credentials themselves are not kept. What an answer is found by is an HMAC-SHA-256
// of the credential under a key that each wrapped authenticator has to itself, drawn
// at random when it is wrapped. The credential is all that is hashed, so there is
// nothing to frame: two authenticators, and with them two schemes, issuers or
// audiences, have no key in common and so no answer, whatever their credentials. It
// is a cryptographic hash because a caller chooses what goes in: two credentials that
// came out alike would let one pass for the other. It is a keyed one so that nobody
// can look for such a pair, or tell a credential by its hash in a memory dump, from
// outside.
package cache
