package bearer_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const audience = "https://api.example.com"

// A provider is an OpenID provider over real HTTP, on loopback.
type provider struct {
	*httptest.Server

	mu      sync.Mutex
	keys    []any // jose.JSONWebKey, or anything else to be found in a key set
	instead http.HandlerFunc
	fetches int // of the key set
	visits  int // of any address
}

func newProvider(tb testing.TB, keys ...any) *provider {
	tb.Helper()
	p := &provider{keys: keys}
	p.Server = httptest.NewUnstartedServer(p)
	p.Start()
	tb.Cleanup(p.Close)
	return p
}

// offline returns a provider that is reached without a network, and a client for that:
// for tests in bubbles.
func offline(keys ...any) (*provider, *http.Client) {
	p := &provider{Server: &httptest.Server{URL: "http://127.0.0.1:1"}, keys: keys}
	return p, &http.Client{Transport: reach{p}}
}

// reach is the way to an offline provider.
type reach struct{ *provider }

func (r reach) RoundTrip(request *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	r.ServeHTTP(answer, request)
	return answer.Result(), nil
}

func newTLS(tb testing.TB, handler http.Handler) *httptest.Server {
	tb.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo) // it is refused on purpose
	server.StartTLS()
	tb.Cleanup(server.Close)
	return server
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.visits++
	if r.URL.Path == "/keys" {
		p.fetches++
	}
	keys, instead := p.keys, p.instead
	p.mu.Unlock()
	if instead != nil {
		instead(w, r)
		return
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		_, _ = w.Write(fields{"issuer": p.URL, "jwks_uri": p.URL + "/keys"}.json())
	case "/keys":
		_, _ = w.Write(fields{"keys": append([]any{}, keys...)}.json())
	default:
		http.NotFound(w, r)
	}
}

// rotate replaces the keys.
func (p *provider) rotate(keys ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = keys
}

// answer makes every request be answered by the given handler, and by the provider
// itself again with nil.
func (p *provider) answer(instead http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.instead = instead
}

// fetched returns how often the key set was fetched.
func (p *provider) fetched() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fetches
}

// visited returns how many requests there were.
func (p *provider) visited() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.visits
}

func down(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }

// A signer signs tokens by one key.
type signer struct {
	id        string
	algorithm jose.SignatureAlgorithm
	private   crypto.Signer
}

// public returns the key as a key set has it.
func (s signer) public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: s.private.Public(), KeyID: s.id, Algorithm: string(s.algorithm), Use: "sig"}
}

// Keys are made once, since RSA ones take long.
var (
	onceRSA   = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	onceP256  = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	otherP256 = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	onceP384  = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) })
	onceP521  = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader)) })
	onceEd    = sync.OnceValue(func() ed25519.PrivateKey { _, key, err := ed25519.GenerateKey(rand.Reader); must(0, err); return key })
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func es256(id string) signer { return signer{id, jose.ES256, onceP256()} }
func rs256(id string) signer { return signer{id, jose.RS256, onceRSA()} }

// signers has one of every algorithm, by its name.
func signers() map[string]signer {
	all := map[string]signer{}
	for _, algorithm := range []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512} {
		all[string(algorithm)] = signer{"rsa-" + string(algorithm), algorithm, onceRSA()}
	}
	all["ES256"] = signer{"p256", jose.ES256, onceP256()}
	all["ES384"] = signer{"p384", jose.ES384, onceP384()}
	all["ES512"] = signer{"p521", jose.ES512, onceP521()}
	all["EdDSA"] = signer{"ed", jose.EdDSA, onceEd()}
	all["Ed25519"] = signer{"ed25519", "Ed25519", onceEd()}
	return all
}

// A clock stands still until a test moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

// newClock returns a clock that shows a whole second, since tokens count in them.
func newClock() *clock { return &clock{now: time.Now().Truncate(time.Second)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
