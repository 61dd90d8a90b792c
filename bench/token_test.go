package bench

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/bearer"
	"github.com/sallyport-rpc/sallyport/authn/cache"
)

// tokenTable authenticates calls by a signed token (EdDSA): verified at each call, and
// remembered by a cache.
func tokenTable() table {
	const issuer, audience = "https://id.example.com/realms/main", "https://notes.example.com"
	public, private, err := ed25519.GenerateKey(nil)
	must(0, err)
	verifying := must(bearer.New(issuer, audience, bearer.StaticKeys(map[string]crypto.PublicKey{"key-1": public})))
	now := time.Now()
	info := &connect.CallInfo{}
	info.RequestHeader().Set("Authorization", "Bearer "+signed(private, map[string]any{
		"iss": issuer, "aud": audience, "sub": owner, "jti": "c0a8f4de-51f2-4f0b-9d31-6a1e2b7c8d90", "client_id": "web",
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "auth_time": now.Unix(),
		"scope": "notes.read notes.write", "roles": []string{"member"},
	}))
	t := table{title: "authentication by a signed token (EdDSA)", base: "verified at each call"}
	for _, way := range []struct {
		name          string
		authenticator authn.Authenticator
	}{
		{"verified at each call", verifying},
		{"remembered by a cache", must(cache.New()).Wrap(verifying)},
	} {
		t.rows = append(t.rows, row{name: way.name, op: func() error {
			principal, err := way.authenticator.Authenticate(context.Background(), info)
			if err != nil {
				return failed(way.name, err)
			}
			if principal.ID() == "" {
				return failed(way.name, errWrong)
			}
			return nil
		}})
	}
	return t
}

// signed returns a JSON Web Token.
func signed(key ed25519.PrivateKey, claims map[string]any) string {
	header := must(json.Marshal(map[string]any{"alg": "EdDSA", "kid": "key-1", "typ": "at+jwt"}))
	encode := base64.RawURLEncoding.EncodeToString
	input := encode(header) + "." + encode(must(json.Marshal(claims)))
	return input + "." + encode(ed25519.Sign(key, []byte(input)))
}
