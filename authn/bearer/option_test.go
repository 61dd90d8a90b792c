package bearer_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-rpc/sallyport/authn/bearer"
)

func static(key crypto.PublicKey) bearer.KeySource {
	return bearer.StaticKeys(map[string]crypto.PublicKey{"k1": key})
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	const issuer = "https://id.example.com"
	good := static(onceP256().Public())
	for name, test := range map[string]struct {
		issuer, audience string
		keys             bearer.KeySource
		option           bearer.Option
		want             string
	}{
		"no issuer":              {"", audience, good, nil, "issuer"},
		"issuer with a fragment": {issuer + "#x", audience, good, nil, "issuer"},
		"no audience":            {issuer, "", good, nil, "audience"},
		"no keys":                {issuer, audience, nil, nil, "keys"},
		"no static keys":         {issuer, audience, bearer.StaticKeys(nil), nil, "key"},
		"a key without an id":    {issuer, audience, bearer.StaticKeys(map[string]crypto.PublicKey{"": onceP256().Public()}), nil, "id"},
		"a nil key":              {issuer, audience, static(nil), nil, "k1"},
		"a typed nil key":        {issuer, audience, static((*rsa.PublicKey)(nil)), nil, "nil"},
		"another typed nil key":  {issuer, audience, static((*ecdsa.PublicKey)(nil)), nil, "nil"},
		"an empty RSA key":       {issuer, audience, static(&rsa.PublicKey{}), nil, "nil"},
		"a weak RSA key":         {issuer, audience, static(&rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2046), E: 65537}), nil, "2047 bits"},
		"a huge RSA key":         {issuer, audience, static(&rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 8192), E: 65537}), nil, "8193 bits"},
		"a point off the curve":  {issuer, audience, static(&ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)}), nil, "curve"}, //nolint:staticcheck // made by hand on purpose
		"a point nowhere":        {issuer, audience, static(&ecdsa.PublicKey{Curve: elliptic.P256()}), nil, "nil"},
		"a curve of no use":      {issuer, audience, static(must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader)).Public()), nil, "curve"},
		"half an Ed25519 key":    {issuer, audience, static(ed25519.PublicKey(make([]byte, 16))), nil, "32 bytes"},
		"a private key":          {issuer, audience, static(onceP256()), nil, "PrivateKey"},
		"a secret":               {issuer, audience, static([]byte("secret")), nil, "[]uint8"},

		"discovery by HTTP":          {"http://id.example.com", audience, bearer.Discovery(), nil, "https"},
		"discovery near loopback":    {"http://127.0.0.1.example.com", audience, bearer.Discovery(), nil, "https"},
		"discovery near localhost":   {"http://localhost.example.com", audience, bearer.Discovery(), nil, "https"},
		"discovery of a name":        {"id.example.com", audience, bearer.Discovery(), nil, "URL"},
		"discovery of a path":        {"/id", audience, bearer.Discovery(), nil, "URL"},
		"discovery of a file":        {"file:///id", audience, bearer.Discovery(), nil, "URL"},
		"discovery with a query":     {issuer + "?x", audience, bearer.Discovery(), nil, "query"},
		"discovery with a user":      {"https://a:b@id.example.com", audience, bearer.Discovery(), nil, "user"},
		"discovery of a broken URL":  {"https://id\x00", audience, bearer.Discovery(), nil, "URL"},
		"keys by HTTP":               {issuer, audience, bearer.KeysAt("http://id.example.com/keys"), nil, "https"},
		"keys by FTP":                {issuer, audience, bearer.KeysAt("ftp://id.example.com/keys"), nil, "https"},
		"keys nowhere":               {issuer, audience, bearer.KeysAt(""), nil, "URL"},
		"keys at a fragment":         {issuer, audience, bearer.KeysAt("https://id.example.com/#keys"), nil, "fragment"},
		"no algorithm":               {issuer, audience, good, bearer.WithAlgorithms(), "algorithm"},
		"algorithm none":             {issuer, audience, good, bearer.WithAlgorithms("ES256", "none"), `"none"`},
		"a symmetric algorithm":      {issuer, audience, good, bearer.WithAlgorithms("HS256"), `"HS256"`},
		"an algorithm in lower case": {issuer, audience, good, bearer.WithAlgorithms("es256"), `"es256"`},
		"a negative skew":            {issuer, audience, good, bearer.WithClockSkew(-1), "skew"},
		"a large skew":               {issuer, audience, good, bearer.WithClockSkew(5*time.Minute + 1), "skew"},
		"no identity":                {issuer, audience, good, bearer.WithIdentity(nil), "identity"},
		"a realm with a quote":       {issuer, audience, good, bearer.WithRealm(`a"b`), "realm"},
		"a realm with a backslash":   {issuer, audience, good, bearer.WithRealm(`a\b`), "realm"},
		"a realm with a line break":  {issuer, audience, good, bearer.WithRealm("a\r\nSet-Cookie: x"), "realm"},
		"a realm beyond ASCII":       {issuer, audience, good, bearer.WithRealm("é"), "realm"},
		"an audience beyond ASCII":   {issuer, "é", good, nil, "realm"},
		"keys fetched all the time":  {issuer, audience, good, bearer.WithKeyLifetime(time.Second, time.Hour), "keys"},
		"keys kept too short":        {issuer, audience, good, bearer.WithKeyLifetime(time.Hour, time.Minute), "keys"},
		"no client":                  {issuer, audience, bearer.Discovery(), bearer.WithHTTPClient(nil), "client"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var options []bearer.Option
			if test.option != nil {
				options = append(options, test.option)
			}
			authenticator, err := bearer.New(test.issuer, test.audience, test.keys, options...)
			if authenticator != nil || err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("New = %v, %v", authenticator, err)
			}
		})
	}
}

func TestNewNamesEverythingWrong(t *testing.T) {
	t.Parallel()
	_, err := bearer.New("", "", static(nil), bearer.WithAlgorithms("HS256", "none"), bearer.WithClockSkew(-1), bearer.WithIdentity(nil))
	if err == nil {
		t.Fatal("New accepted everything")
	}
	for _, want := range []string{"issuer", "audience", `key "k1"`, "HS256", "none", "skew", "identity"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}

// Tokens cannot be both scoped and unscoped, and keys are not kept for less time than
// they are refreshed after, whichever comes first.
func TestNewRefusesContradictions(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options []bearer.Option
		want    string
	}{
		"scoped and unscoped":      {[]bearer.Option{bearer.WithScopedTokens(), bearer.UnsafeWithUnscopedTokens()}, "both scoped and unscoped"},
		"unscoped and scoped":      {[]bearer.Option{bearer.UnsafeWithUnscopedTokens(), bearer.WithScopedTokens()}, "both scoped and unscoped"},
		"scoped, said twice":       {[]bearer.Option{bearer.WithScopedTokens(), bearer.WithScopedTokens()}, ""},
		"kept for too short":       {[]bearer.Option{bearer.WithKeyLifetime(time.Minute, time.Minute-1)}, "kept for 59.999999999s"},
		"kept until the refresh":   {[]bearer.Option{bearer.WithKeyLifetime(time.Minute, time.Minute)}, ""},
		"refreshed too often":      {[]bearer.Option{bearer.WithKeyLifetime(10*time.Second-1, time.Minute)}, "every 9.999999999s"},
		"refreshed at the soonest": {[]bearer.Option{bearer.WithKeyLifetime(10*time.Second, time.Minute)}, ""},
	} {
		_, err := bearer.New("id", audience, static(onceP256().Public()), test.options...)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestNewTakes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		issuer string
		keys   bearer.KeySource
		option bearer.Option
	}{
		"discovery":              {"https://id.example.com/tenant/", bearer.Discovery(), bearer.WithClockSkew(5 * time.Minute)},
		"discovery on localhost": {"http://localhost:8080", bearer.Discovery(), bearer.WithClockSkew(0)},
		"discovery on loopback":  {"http://[::1]:8080", bearer.Discovery(), bearer.WithRealm("")},
		"discovery, unsafely":    {"http://id.example.com", bearer.Discovery(), bearer.UnsafeWithoutTLS()},
		"an address":             {"id", bearer.KeysAt("https://id.example.com/keys?tenant=1"), bearer.WithRealm("our API")},
		"a key and a name":       {"id", static(onceP384().Public()), bearer.WithAlgorithms("ES384")},
	} {
		authenticator, err := bearer.New(test.issuer, audience, test.keys, test.option)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_ = authenticator.Close()
	}
}

func TestStaticKeysNeedNoIssuer(t *testing.T) {
	t.Parallel()
	clock, key := newClock(), es256("k1")
	authenticator := must(bearer.New("id", audience, static(key.private.Public()), bearer.WithClock(clock.Now)))
	if err := authenticator.Load(t.Context()); err != nil {
		t.Error(err)
	}
	for range 3 {
		if got := authenticate(t, authenticator, key.token("id", clock.Now())); got != "id#jane" {
			t.Errorf("got %s", got)
		}
		unknown := signer{"k2", key.algorithm, key.private}
		if got := authenticate(t, authenticator, unknown.token("id", clock.Now())); got != "invalid" {
			t.Errorf("an unknown key: %s", got)
		}
		clock.pass(1000 * time.Hour)
		if err := authenticator.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAccessTokenType(t *testing.T) {
	t.Parallel()
	key := es256("k1")
	authenticator := must(bearer.New("id", audience, static(key.private.Public()), bearer.WithAccessTokenType()))
	for kind, want := range map[any]string{
		"at+jwt": "id#jane", "application/at+jwt": "id#jane", "AT+JWT": "id#jane",
		"JWT": "invalid", "": "invalid", "jwt": "invalid", absent: "invalid", nil: "invalid", "application/jwt": "invalid",
	} {
		token := key.sign(key.goodHeader().with(fields{"typ": kind}).json(), goodClaims("id", time.Now()).json())
		if got := authenticate(t, authenticator, token); got != want {
			t.Errorf("type %v: got %s, want %s", kind, got, want)
		}
	}
}

// TestSkew forgives an issuer whose clock is ahead, and no token its expiry.
func TestSkew(t *testing.T) {
	t.Parallel()
	clock, key := newClock(), es256("k1")
	for _, skew := range []time.Duration{0, time.Second, 5 * time.Minute} {
		authenticator := must(bearer.New("id", audience, static(key.private.Public()), bearer.WithClock(clock.Now), bearer.WithClockSkew(skew)))
		for name, test := range map[string]struct {
			change fields
			want   string
		}{
			"nbf at the skew":     {fields{"nbf": clock.Now().Add(skew).Unix()}, "id#jane"},
			"nbf beyond the skew": {fields{"nbf": clock.Now().Add(skew).Unix() + 1}, "invalid"},
			"iat at the skew":     {fields{"iat": clock.Now().Add(skew).Unix()}, "id#jane"},
			"iat beyond the skew": {fields{"iat": clock.Now().Add(skew).Unix() + 1}, "invalid"},
			"expired now":         {fields{"exp": clock.Now().Unix()}, "invalid"},
		} {
			token := key.sign(key.goodHeader().json(), goodClaims("id", clock.Now()).with(test.change).json())
			if got := authenticate(t, authenticator, token); got != test.want {
				t.Errorf("skew %v, %s: %s", skew, name, got)
			}
		}
	}
}
