package bearer_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/bearer"
)

// fields are the members of a JSON object. A value of absent is left out.
type fields map[string]any

type absence struct{}

var absent absence

// with returns a copy with some members changed.
func (f fields) with(changes fields) fields {
	changed := maps.Clone(f)
	for name, value := range changes {
		changed[name] = value
		if value == absent {
			delete(changed, name)
		}
	}
	return changed
}

func (f fields) json() []byte { return must(json.Marshal(map[string]any(f))) }

// goodClaims are those of a token that an authenticator for the issuer takes.
func goodClaims(issuer string, now time.Time) fields {
	return fields{
		"iss": issuer, "aud": audience, "sub": "jane",
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		"scope": "users.read users.write", "roles": []string{"admin"},
	}
}

// goodHeader is the header of a token by the signer.
func (s signer) goodHeader() fields {
	return fields{"alg": s.algorithm, "kid": s.id, "typ": "at+jwt"}
}

// sign returns a token by the signer's key. The header and the payload may be anything.
func (s signer) sign(header, payload []byte) string {
	input := encode(header) + "." + encode(payload)
	return input + "." + encode(s.signature(input))
}

// signature signs a text as the signer's algorithm asks, without a look at what it
// is, and without the library that verifies it.
func (s signer) signature(input string) []byte {
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[string(s.algorithm[2:])]
	digest := []byte(input)
	if hash != 0 {
		h := hash.New()
		h.Write([]byte(input))
		digest = h.Sum(nil)
	}
	var options crypto.SignerOpts = hash
	if s.algorithm[0] == 'P' {
		options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
	}
	signature := must(s.private.Sign(rand.Reader, digest, options))
	key, isEC := s.private.(*ecdsa.PrivateKey)
	if !isEC {
		return signature
	}
	var point struct{ R, S *big.Int }
	must(asn1.Unmarshal(signature, &point))
	size := (key.Curve.Params().BitSize + 7) / 8
	return append(point.R.FillBytes(make([]byte, size)), point.S.FillBytes(make([]byte, size))...)
}

// token returns a token that is good.
func (s signer) token(issuer string, now time.Time) string {
	return s.sign(s.goodHeader().json(), goodClaims(issuer, now).json())
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// trusted returns a authenticator of the provider's tokens, and closes it with the
// test.
func trusted(tb testing.TB, p *provider, options ...bearer.Option) *bearer.Authenticator {
	tb.Helper()
	authenticator, err := bearer.New(p.URL, audience, bearer.Discovery(), options...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = authenticator.Close() })
	return authenticator
}

// outcome is a kind of answer of an authenticator: who, or why not.
func outcome(principal *authn.Principal, err error) string {
	switch {
	case principal != nil && err != nil:
		return "principal beside an error"
	case principal != nil:
		return principal.ID()
	case errors.Is(err, authn.ErrNoCredential):
		return "none"
	case errors.Is(err, authn.ErrInvalidCredential):
		return "invalid"
	case errors.Is(err, authn.ErrUnavailable):
		return "unavailable"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded):
		return "late"
	case err != nil:
		return "fault"
	default:
		return "nothing at all"
	}
}

// calling returns a call with the given Authorization headers.
func calling(authorization ...string) *connect.CallInfo {
	call := new(connect.CallInfo)
	for _, value := range authorization {
		call.RequestHeader().Add("Authorization", value)
	}
	return call
}

func authenticate(t *testing.T, authenticator authn.Authenticator, token string) string {
	t.Helper()
	return outcome(authenticator.Authenticate(t.Context(), calling("Bearer "+token)))
}

// quiet reports whether an error keeps the credential to itself.
func quiet(err error, token string) bool {
	for part := range bytes.SplitSeq([]byte(token), []byte(".")) {
		if len(part) > 8 && bytes.Contains([]byte(err.Error()), part) {
			return false
		}
	}
	return true
}
