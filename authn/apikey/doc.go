// Package apikey authenticates programs by keys that their owners issued before.
//
//	keys, err := apikey.New(apikey.SQLite(db), lookup)
//	registry, err := action.NewRegistry(authn.Schemes{"apikey": keys})
//
// A key is issued, listed and revoked by handlers:
//
//	key, text, err := keys.Issue(ctx, user.ID, "nightly backup", []string{"files.read"}, expires)
//	owned, err := keys.List(ctx, user.ID)
//	err = keys.Revoke(ctx, user.ID, key.ID)
//	err = keys.RevokeAll(ctx, user.ID) // before the owner goes, too: an id may be given again
//
// Its text is shown once, to its owner. It is a prefix, a public id,
// a secret and a checksum, all in lower case:
//
//	sp_q5hyzsv3n2mk7tdw_<52 characters><7 characters>
//
// The id is what the store looks up and what people call the key by. The secret is
// 256 random bits. The checksum, a CRC-32 of all before it, lets a scanner for leaked
// secrets recognise keys, and keeps mistyped ones from the store.
//
// The store holds the SHA-256 of the text. A slow hash, as passwords need, would add
// nothing: it makes each guess more expensive, and 256 random bits cannot be guessed.
//
// A key comes as "Authorization: Bearer", or in a header of its own by [WithHeader].
// Bearer tokens without the prefix are left to the other schemes of an action.
// Refused are a header given twice, malformed or oversized, and a key that is
// unknown, revoked or expired.
//
// A key is a scoped credential: it carries the scopes that it was issued with, and no
// more of what its owner may do than the actions that name them. [Manager.IssueUnscoped]
// makes one that carries all of it.
//
// What a key may do comes from [Lookup] at every call, so what is taken from its
// owner is taken from the key with the next call. A key that was revoked is refused
// from then on. A key does not say when its owner signed in, so an action with a max_age
// that names its scheme is refused at registration.
package apikey
