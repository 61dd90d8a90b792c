package bearer

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/internal/credential"
)

// signed is a token in its compact form, of which nothing is trusted.
type signed struct {
	text   string
	header header
}

// header is what counts of a token's header.
type header struct {
	algorithm string
	keyID     string
	kind      string // typ, in lower case and without "application/"; "jwt" where there is none
}

var (
	errOversized = authn.InvalidCredential("token is longer than 8 KiB")
	errMalformed = authn.InvalidCredential("token is malformed")
	errHeader    = authn.InvalidCredential("token header is malformed")
	errForbidden = authn.InvalidCredential("token header brings its own key, an extension or encryption")
	errKeyID     = authn.InvalidCredential("token names no key")
	errAlgorithm = authn.InvalidCredential("token is signed by an algorithm that does not count")
	errKind      = authn.InvalidCredential("token is not of the type of an access token")
	errSignature = authn.InvalidCredential("token signature is wrong")
)

// maxKeyID is the longest key id that is looked up.
const maxKeyID = 256

// parse takes a token apart. It looks at the header alone, before any cryptography.
func parse(token string) (*signed, error) {
	// Measured first, so that nothing below costs more than a token of usual size; and counted next, so that the rest works on three parts.
	if len(token) > credential.MaxAuthorization {
		return nil, errOversized
	}
	if strings.Count(token, ".") != 2 {
		return nil, errMalformed
	}
	encoded, rest, _ := strings.Cut(token, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	if !isCanonical(payload) || !isCanonical(signature) {
		return nil, errMalformed
	}
	decoded, ok := decode(encoded)
	if !ok {
		return nil, errMalformed
	}
	header, err := parseHeader(decoded)
	if err != nil {
		return nil, err
	}
	return &signed{text: token, header: header}, nil
}

// decode decodes base64url that is spelled the one canonical way: no padding, no
// line breaks, no stray bits at the end. Otherwise one token could be written in
// many ways, and a cache could know it by one and revoke it by another.
func decode(encoded string) ([]byte, bool) {
	if encoded == "" || strings.ContainsAny(encoded, "\r\n") {
		return nil, false
	}
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	return decoded, err == nil
}

func isCanonical(encoded string) bool {
	_, ok := decode(encoded)
	return ok
}

// parseHeader reads a JOSE header. The JSON package refuses names given twice, at
// any depth, and distinguishes letter cases.
func parseHeader(text []byte) (header, error) {
	var parameters map[string]any
	if err := json.Unmarshal(text, &parameters); err != nil || parameters == nil {
		return header{}, errHeader
	}
	for _, forbidden := range []string{"jku", "jwk", "x5u", "x5c", "crit", "b64", "enc", "zip", "epk"} {
		if _, ok := parameters[forbidden]; ok {
			return header{}, errForbidden
		}
	}
	algorithm, _ := parameters["alg"].(string)
	keyID, _ := parameters["kid"].(string)
	if keyID == "" || len(keyID) > maxKeyID {
		return header{}, errKeyID
	}
	kind := "jwt"
	if typ, ok := parameters["typ"]; ok {
		text, _ := typ.(string)
		kind = strings.TrimPrefix(strings.ToLower(text), "application/")
	}
	return header{algorithm: algorithm, keyID: keyID, kind: kind}, nil
}

// allowed says whether a token of this algorithm and type is to be looked at.
func (s *signed) allowed(settings *settings) error {
	if !slices.Contains(settings.algorithms, s.header.algorithm) {
		return errAlgorithm
	}
	switch s.header.kind {
	case "at+jwt":
		return nil
	case "jwt":
		if !settings.typed {
			return nil
		}
	}
	return errKind
}

// verify returns the payload if the signature is by the key.
func (s *signed) verify(key crypto.PublicKey) ([]byte, error) {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if hash, ok := saltHashes[s.header.algorithm]; ok {
			return s.verifyPSS(key, hash)
		}
	case ed25519.PublicKey:
		return s.verifyEd25519(key)
	}
	parsed, err := jose.ParseSignedCompact(s.text, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(s.header.algorithm)})
	if err != nil {
		return nil, errMalformed
	}
	payload, err := parsed.Verify(key)
	if err != nil {
		return nil, errSignature
	}
	return payload, nil
}

// verifyPSS is here because the library takes a salt of any length.
func (s *signed) verifyPSS(key *rsa.PublicKey, hash crypto.Hash) ([]byte, error) {
	input, payload, signature := s.parts()
	digest := hash.New()
	digest.Write([]byte(input))
	exact := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
	if rsa.VerifyPSS(key, hash, digest.Sum(nil), signature, exact) != nil {
		return nil, errSignature
	}
	return payload, nil
}

// verifyEd25519 is here because the library knows the algorithm by its older name only.
func (s *signed) verifyEd25519(key ed25519.PublicKey) ([]byte, error) {
	input, payload, signature := s.parts()
	if !ed25519.Verify(key, []byte(input), signature) {
		return nil, errSignature
	}
	return payload, nil
}

// parts returns what is signed, the payload in it, and the signature.
func (s *signed) parts() (input string, payload, signature []byte) {
	input = signingInput(s.text)
	payload, _ = decode(input[strings.IndexByte(input, '.')+1:]) // parse has looked at both
	signature, _ = decode(s.text[len(input)+1:])
	return input, payload, signature
}

// signingInput is a token without its signature.
func signingInput(token string) string {
	return token[:max(strings.LastIndexByte(token, '.'), 0)]
}
