package bearer_test

import (
	"crypto"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/bearer"
)

// Operators read why a token was refused, whichever of the checks it fails.
func TestReasons(t *testing.T) {
	t.Parallel()
	key := es256("k1")
	keys := map[string]crypto.PublicKey{"k1": key.private.Public(), strings.Repeat("k", 257): key.private.Public()}
	for _, signer := range signers() {
		if signer.id != "k1" {
			keys[signer.id] = signer.private.Public()
		}
	}
	authenticator := must(bearer.New("id", audience, bearer.StaticKeys(keys)))
	good := key.token("id", time.Now())
	header, payload := key.goodHeader().json(), goodClaims("id", time.Now()).json()
	with := func(change fields) string { return key.sign(key.goodHeader().with(change).json(), payload) }
	saying := func(change fields) string { return key.sign(header, goodClaims("id", time.Now()).with(change).json()) }
	type refused struct{ token, want string }
	tests := []refused{
		{strings.Repeat("a", 8<<10+1), "longer than 8 KiB"},
		{strings.Repeat("a", 8<<10), "token is malformed"},
		{good[:strings.LastIndex(good, ".")], "token is malformed"},
		{good + ".a", "token is malformed"},
		{"!" + good, "token is malformed"},
		{key.sign([]byte("{"), payload), "header is malformed"},
		{key.sign([]byte("null"), payload), "header is malformed"},
		{with(fields{"jku": "https://trap.example.com"}), "brings its own key"},
		{with(fields{"kid": ""}), "names no key"},
		{with(fields{"kid": strings.Repeat("k", 257)}), "names no key"},
		{with(fields{"kid": strings.Repeat("k", 256)}), "a key that the issuer does not have"},
		{with(fields{"kid": "K1"}), "a key that the issuer does not have"},
		{with(fields{"alg": "none"}), "an algorithm that does not count"},
		{with(fields{"typ": "secevent+jwt"}), "not of the type"},
		{key.sign(header, []byte("null")), "claims are malformed"},
		{key.sign(header, []byte("[]")), "claims are malformed"},
		{key.sign(header, []byte("{\"a\":\"\xff\"}")), "claims are malformed"},
		{saying(fields{"exp": "tomorrow"}), "claims are malformed"},
		{saying(fields{"jti": 7}), "claims are malformed"},
		{saying(fields{"exp": absent}), "no expiry"},
		{saying(fields{"sub": absent}), "no subject"},
		{saying(fields{"aud": absent}), "another audience"},
	}
	for _, algorithm := range []string{"RS256", "PS256", "ES256", "EdDSA", "Ed25519"} { // the default
		signer := signers()[algorithm]
		forged := signer.token("id", time.Now())
		dot := strings.LastIndex(forged, ".")
		tests = append(tests, refused{forged[:dot+1] + encode(signer.signature("another text")), "signature is wrong"})
	}
	for _, test := range tests {
		principal, err := authenticator.Verify(t.Context(), test.token)
		if principal != nil || !errors.Is(err, authn.ErrInvalidCredential) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.60q: %v, %v, want %q", test.token, principal, err, test.want)
		}
	}
	if got := authenticate(t, authenticator, good); got != "id#jane" {
		t.Errorf("the good token: %s", got)
	}
}
