package bearer_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/bearer"
	"github.com/sallyport-rpc/sallyport/authn/cache"
)

// otherSpelling returns an ECDSA token with n-s in the place of s, without the key.
func otherSpelling(token string) string {
	dot := strings.LastIndexByte(token, '.')
	signature := must(base64.RawURLEncoding.DecodeString(token[dot+1:]))
	order := onceP256().Params().N
	half := len(signature) / 2
	rest := new(big.Int).Sub(order, new(big.Int).SetBytes(signature[half:]))
	return token[:dot+1] + encode(slices.Concat(signature[:half], rest.FillBytes(make([]byte, half))))
}

// TestTwoSpellings revokes a token of which both spellings are remembered.
func TestTwoSpellings(t *testing.T) {
	t.Parallel()
	key := es256("k1")
	revoked := false
	authenticator := must(bearer.New("id", audience, static(key.private.Public()),
		bearer.WithIdentity(func(_ context.Context, token *bearer.Token) (string, authn.Details, error) {
			if revoked && token.ID == "t1" {
				return "", authn.Details{}, authn.InvalidCredential("token was revoked")
			}
			return token.Subject, authn.Details{}, nil
		})))
	for _, byOther := range []bool{false, true} {
		revoked = false
		verified := newCache(t, cache.WithTTL(time.Hour))
		wrapped := verified.Wrap(authenticator)
		made := func(id string) string {
			return key.sign(key.goodHeader().json(), goodClaims("id", time.Now()).with(fields{"jti": id}).json())
		}
		token, neighbour := made("t1"), made("t2")
		other := otherSpelling(token)
		if token == other || otherSpelling(other) != token {
			t.Fatal("it is the same spelling")
		}
		see := func(when, token, want string) {
			t.Helper()
			if got := authenticate(t, wrapped, token); got != want {
				t.Errorf("%s: %s, want %s", when, got, want)
			}
		}
		for _, good := range []string{token, other, neighbour} {
			see("at first", good, "jane")
		}
		revoked = true
		for _, good := range []string{token, other, neighbour} {
			see("remembered", good, "jane")
		}
		if byOther {
			verified.RevokeCredential(other)
		} else {
			verified.RevokeCredential(token)
		}
		see("revoked", token, "invalid")
		see("revoked, the other spelling", other, "invalid")
		see("a neighbour", neighbour, "jane")
	}
}

// TestSaltLength takes the one salt length that RFC 7518 names.
func TestSaltLength(t *testing.T) {
	t.Parallel()
	key := signer{"k1", jose.PS256, onceRSA()}
	authenticator := must(bearer.New("id", audience, static(key.private.Public())))
	input := encode(key.goodHeader().json()) + "." + encode(goodClaims("id", time.Now()).json())
	digest := sha256.Sum256([]byte(input))
	for length, want := range map[int]string{
		32: "id#jane", 1: "invalid", 20: "invalid", 31: "invalid", 33: "invalid", 64: "invalid", 256 - 32 - 2: "invalid",
	} {
		options := &rsa.PSSOptions{SaltLength: length, Hash: crypto.SHA256}
		signature := must(onceRSA().Sign(rand.Reader, digest[:], options))
		if got := authenticate(t, authenticator, input+"."+encode(signature)); got != want {
			t.Errorf("a salt of %d bytes: %s, want %s", length, got, want)
		}
	}
}

// TestEd25519Names has one kind of key under the two names of its algorithm.
func TestEd25519Names(t *testing.T) {
	t.Parallel()
	for _, said := range []jose.SignatureAlgorithm{"", "EdDSA", "Ed25519", "ES256"} {
		for _, used := range []jose.SignatureAlgorithm{"EdDSA", "Ed25519"} {
			public := signer{"k1", said, onceEd()}.public()
			issuer := newProvider(t, public)
			token := signer{"k1", used, onceEd()}.token(issuer.URL, time.Now())
			want := issuer.URL + "#jane"
			if said == "ES256" {
				want = "invalid"
			}
			if got := authenticate(t, trusted(t, issuer), token); got != want {
				t.Errorf("a key for %q, a token by %s: %s, want %s", said, used, got, want)
			}
			forged := token[:len(token)-4] + "AAAA"
			if got := authenticate(t, trusted(t, issuer), forged); got != "invalid" {
				t.Errorf("a key for %q, a token by %s, forged: %s", said, used, got)
			}
		}
	}
}

// TestRotatedIn has the issuer add a key right after its keys were fetched: a token by
// it is not refused for good, and not remembered as bad.
func TestRotatedIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		old, young := es256("k1"), second()
		issuer, client := offline(old.public())
		wrapped := newCache(t, cache.WithNegativeTTL(time.Hour)).Wrap(trusted(t, issuer, bearer.WithHTTPClient(client)))
		see := func(when string, key signer, want string) {
			t.Helper()
			if got := authenticate(t, wrapped, key.token(issuer.URL, time.Now())); got != want {
				t.Errorf("%s: %s, want %s", when, got, want)
			}
		}
		see("the old key", old, issuer.URL+"#jane")
		issuer.rotate(old.public(), young.public())
		see("the new key, held back", young, "unavailable")
		see("the old key, meanwhile", old, issuer.URL+"#jane")
		time.Sleep(10 * time.Second)
		see("the new key", young, issuer.URL+"#jane")
		time.Sleep(10 * time.Second)
		see("a key that there is not", signer{"k3", young.algorithm, young.private}, "invalid")
	})
}
