// Package bearer authenticates callers by JSON Web Tokens that an issuer signed and
// the caller sends as "Authorization: Bearer" (RFC 6750, RFC 9068).
//
//	tokens, err := bearer.New("https://id.example.com", "https://api.example.com", bearer.Discovery())
//	defer tokens.Close()
//	registry, err := action.NewRegistry(authn.Schemes{"bearer": tokens})
//
// A token counts if its signature is by a key of the issuer that its "kid" names, by
// an asymmetric algorithm of a short list; its "iss" and "aud" are the ones given to
// [New]; it has a "sub"; it has an "exp" that has not come; and "nbf" and "iat" are
// not ahead of the clock by more than the skew. Nothing forgives a token its expiry.
//
// Refused, besides what is wrong by the above: keys and places to get them that the
// token itself brings (jku, jwk, x5u, x5c), extensions (crit, b64), encryption, a
// "typ" that is not of an access token, tokens bound to a key of which no proof is
// checked here (cnf), security events (events), names given twice, values of another
// JSON type, spellings of base64 that are not the one canonical. A token longer than 8 KiB is
// refused before any of it is parsed. A token without a dot is no JWT and is left to the
// other schemes of an action. The issuer's keys are all that is ever fetched, from
// addresses that the token has no part in.
//
// An ID token is not an access token. Unless [WithAccessTokenType] is given, only
// the audience keeps them apart, so give the API an audience of its own, which is no
// client's id.
//
// A principal's id is the issuer and the subject, "https://id.example.com#jane",
// because subjects are unique per issuer only; see [Identify] for other ways.
//
// Keys are fetched when a token needs them, and again when they are ten minutes old
// or a token names one that is not among them, at most once in ten seconds. While
// the issuer cannot be reached, the keys it gave last serve for up to an hour after
// it gave them. After that, and for tokens by a key that was not among them, callers get
// unavailable. So do tokens by a key that the issuer may have added since the last
// fetch, until the next one.
//
// Verifying costs what the signature does. Package cache remembers the outcome.
package bearer
