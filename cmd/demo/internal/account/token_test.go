package account_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/sallyport-rpc/sallyport/authn/bearer"
)

// The issuer and the audience of the tokens that the fixture takes.
const (
	issuer   = "https://id.example.com"
	audience = "https://demo.example.com"
)

// issuerKey is what the issuer signs by.
var issuerKey = sync.OnceValues(func() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) })

func newTokens() (*bearer.Authenticator, error) {
	private, err := issuerKey()
	if err != nil {
		return nil, err
	}
	return bearer.New(issuer, audience, bearer.StaticKeys(map[string]crypto.PublicKey{"k": private.Public()}))
}

// newToken returns a token by the issuer about a subject who signed in some time ago,
// or does not say when where that is negative.
func newToken(t *testing.T, subject string, signedIn time.Duration, roles ...string) string {
	t.Helper()
	private, err := issuerKey()
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: private, KeyID: "k"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	claims := map[string]any{
		"iss": issuer, "aud": audience, "sub": subject, "exp": now.Add(time.Hour).Unix(), "iat": now.Unix(), "roles": roles,
	}
	if signedIn >= 0 {
		claims["auth_time"] = now.Add(-signedIn).Unix()
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}
