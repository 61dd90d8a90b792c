package bearer_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/bearer"
)

// second is another key under another id.
func second() signer { return signer{"k2", jose.ES256, otherP256()} }

func TestRotation(t *testing.T) {
	t.Parallel()
	clock, old, young := newClock(), es256("k1"), second()
	issuer := newProvider(t, old.public())
	authenticator := trusted(t, issuer, bearer.WithClock(clock.Now))
	jane := issuer.URL + "#jane"
	see := func(key signer, want string) {
		t.Helper()
		if got := authenticate(t, authenticator, key.token(issuer.URL, clock.Now())); got != want {
			t.Errorf("%s: got %s, want %s", key.id, got, want)
		}
	}

	see(old, jane)
	see(young, "unavailable") // it may have been added since the keys were fetched
	issuer.rotate(old.public(), young.public())
	see(young, "unavailable") // and it was; the next fetch is held back
	clock.pass(10 * time.Second)
	see(young, jane)
	see(old, jane)
	if got := issuer.fetched(); got != 2 {
		t.Errorf("%d fetches, want 2", got)
	}

	// A key that is withdrawn serves until its time to be asked about again, which no
	// call waits for.
	issuer.rotate(young.public())
	clock.pass(10*time.Minute - 1)
	see(old, jane)
	clock.pass(1)
	see(old, jane)
	for issuer.fetched() < 3 || authenticate(t, authenticator, old.token(issuer.URL, clock.Now())) == jane {
		time.Sleep(time.Millisecond) // until the fetch in the background is done
	}
	see(old, "unavailable")
	see(young, jane)
	if got := issuer.fetched(); got != 3 {
		t.Errorf("%d fetches, want 3", got)
	}

	// A set without keys is an answer too.
	issuer.rotate()
	clock.pass(time.Hour)
	see(young, "invalid")
	see(young, "unavailable") // the issuer may have added it since
}

// TestSameIDNewKey replaces a key under its id.
func TestSameIDNewKey(t *testing.T) {
	t.Parallel()
	clock, old := newClock(), es256("k1")
	young := signer{"k1", jose.ES256, otherP256()}
	issuer := newProvider(t, old.public())
	authenticator := trusted(t, issuer, bearer.WithClock(clock.Now))
	if err := authenticator.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	issuer.rotate(young.public())
	for range 10 {
		clock.pass(time.Minute - time.Second)
		// A wrong signature by a known key causes no fetch.
		if got := authenticate(t, authenticator, young.token(issuer.URL, clock.Now())); got != "invalid" {
			t.Errorf("got %s", got)
		}
	}
	if got := issuer.fetched(); got != 1 {
		t.Errorf("%d fetches", got)
	}
	clock.pass(time.Hour)
	if got := authenticate(t, authenticator, young.token(issuer.URL, clock.Now())); got != issuer.URL+"#jane" {
		t.Errorf("in the end: %s", got)
	}
}

// TestNoHerd has many callers need a key at once.
func TestNoHerd(t *testing.T) {
	t.Parallel()
	const callers = 200
	for name, known := range map[string]bool{"first sight": true, "unknown keys": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock, key, want := newClock(), es256("k1"), "invalid"
			issuer := newProvider(t, key.public())
			if !known {
				key.id = "k2"
			} else {
				want = issuer.URL + "#jane"
			}
			authenticator := trusted(t, issuer, bearer.WithClock(clock.Now))
			token := key.token(issuer.URL, clock.Now())
			for round := range 3 {
				var group sync.WaitGroup
				for range callers {
					group.Go(func() {
						// One call has the keys fetched. For the others an unknown key may have
						// been added since that began.
						if got := authenticate(t, authenticator, token); got != want && (known || got != "unavailable") {
							t.Errorf("got %s, want %s", got, want)
						}
					})
				}
				group.Wait()
				rounds := 1
				if !known {
					rounds = round + 1
				}
				if got := issuer.fetched(); got != rounds {
					t.Errorf("round %d: %d fetches, want %d", round, got, rounds)
				}
				clock.pass(10 * time.Second)
			}
		})
	}
}

// TestUnknownKeysAskSeldom sends tokens by made-up keys for an hour.
func TestUnknownKeysAskSeldom(t *testing.T) {
	t.Parallel()
	clock, key := newClock(), es256("k1")
	issuer := newProvider(t, key.public())
	authenticator := trusted(t, issuer, bearer.WithClock(clock.Now))
	for i := range 3600 {
		// It does not come to the signature.
		token := encode(key.goodHeader().with(fields{"kid": "made-up-" + strconv.Itoa(i)}).json()) + ".e30.AAAA"
		want := "unavailable"
		if i%10 == 0 { // it has the keys fetched
			want = "invalid"
		}
		if got := authenticate(t, authenticator, token); got != want {
			t.Fatalf("%d: %s, want %s", i, got, want)
		}
		clock.pass(time.Second)
	}
	if got := issuer.fetched(); got != 360 {
		t.Errorf("%d fetches in an hour, want one in ten seconds", got)
	}
}

// TestOutages puts every kind of outage after a good start, and at the start.
func TestOutages(t *testing.T) {
	t.Parallel()
	keys := func(w http.ResponseWriter, r *http.Request, text string) {
		if r.URL.Path == "/keys" {
			_, _ = w.Write([]byte(text))
			return
		}
		_, _ = w.Write([]byte(`{"issuer":"http://` + r.Host + `","jwks_uri":"http://` + r.Host + `/keys"}`))
	}
	public := string(must(json.Marshal(es256("k1").public())))
	document := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/keys" {
				_, _ = w.Write([]byte(`{"keys":[` + public + `]}`))
				return
			}
			_, _ = w.Write([]byte(strings.ReplaceAll(text, "ISSUER", "http://"+r.Host)))
		}
	}
	elsewhere := newProvider(t, es256("k1").public())
	reasons := map[string]string{
		"status 503": "status 503", "status 404": "status 404", "status 204": "status 204", "status 206": "status 206",
		"cut off": "EOF", "cut off later": "unexpected EOF", "nothing": "the discovery document is not JSON", "a page": "the discovery document is not JSON",
		"another issuer": "of another issuer", "issuer with /": "of another issuer", "no issuer": "of another issuer",
		"two issuers": "the discovery document is not JSON", "no address": "is no absolute URL", "a relative one": "is no absolute URL",
		"a file": "is no absolute URL", "plain HTTP": "is not https", "with a user": "has a user", "no key set": "has no list of keys",
		"a null": "has no list of keys", "a list": "the key set is not JSON", "two key sets": "the key set is not JSON", "half a set": "the key set is not JSON",
		"a long good one": "more than 1048576 bytes", "a huge one": "more than 1048576 bytes",
		"headers": "response headers exceeded", "sent elsewhere": "redirects to another origin", "sent in circle": "redirects too often",
	}
	for name, instead := range map[string]http.HandlerFunc{
		"status 503": down,
		"status 404": http.NotFound,
		"status 204": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"status 206": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusPartialContent)
			keys(w, r, `{"keys":[]}`)
		},
		"cut off": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"cut off later": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("{"))
		},
		"nothing":        func(http.ResponseWriter, *http.Request) {},
		"a page":         document("<html>maintenance</html>"),
		"another issuer": document(`{"issuer":"https://id.example.com","jwks_uri":"ISSUER/keys"}`),
		"issuer with /":  document(`{"issuer":"ISSUER/","jwks_uri":"ISSUER/keys"}`),
		"no issuer":      document(`{"jwks_uri":"ISSUER/keys"}`),
		"two issuers":    document(`{"issuer":"https://id.example.com","issuer":"ISSUER","jwks_uri":"ISSUER/keys"}`),
		"no address":     document(`{"issuer":"ISSUER"}`),
		"a relative one": document(`{"issuer":"ISSUER","jwks_uri":"/keys"}`),
		"a file":         document(`{"issuer":"ISSUER","jwks_uri":"file:///etc/passwd"}`),
		"plain HTTP":     document(`{"issuer":"ISSUER","jwks_uri":"http://id.example.com/keys"}`),
		"with a user":    document(`{"issuer":"ISSUER","jwks_uri":"http://a:b@127.0.0.1/keys"}`),
		"no key set":     func(w http.ResponseWriter, r *http.Request) { keys(w, r, `{}`) },
		"a null":         func(w http.ResponseWriter, r *http.Request) { keys(w, r, `{"keys":null}`) },
		"a list":         func(w http.ResponseWriter, r *http.Request) { keys(w, r, `[]`) },
		"two key sets":   func(w http.ResponseWriter, r *http.Request) { keys(w, r, `{"keys":[],"keys":[]}`) },
		"half a set":     func(w http.ResponseWriter, r *http.Request) { keys(w, r, `{"keys":[`) },
		"a long good one": func(w http.ResponseWriter, r *http.Request) {
			keys(w, r, `{"keys":[`+public+`]}`+strings.Repeat(" ", 1<<20))
		},
		"a huge one": func(w http.ResponseWriter, r *http.Request) { keys(w, r, `{"keys":[`+strings.Repeat(" ", 1<<20)+`]}`) },
		"headers": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 80<<10))
			keys(w, r, `{"keys":[]}`)
		},
		"sent elsewhere": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusFound)
		},
		"sent in circle": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock, key, young := newClock(), es256("k1"), second()
			issuer := newProvider(t, key.public(), young.public())
			issuer.answer(instead)
			authenticator := trusted(t, issuer, bearer.WithClock(clock.Now))
			see := func(when string, key signer, want string) {
				t.Helper()
				if got := authenticate(t, authenticator, key.token(issuer.URL, clock.Now())); got != want {
					t.Errorf("%s: got %s, want %s", when, got, want)
				}
			}
			see("at the start", key, "unavailable")
			if err := authenticator.Load(t.Context()); !errors.Is(err, authn.ErrUnavailable) || !strings.Contains(err.Error(), reasons[name]) || reasons[name] == "" {
				t.Errorf("Load: %v, want %q", err, reasons[name])
			}
			issuer.answer(nil)
			see("up again, too soon", key, "unavailable")
			clock.pass(10 * time.Second)
			see("up again", key, issuer.URL+"#jane")

			issuer.answer(instead)
			clock.pass(10 * time.Second)
			unknown := signer{"k3", key.algorithm, key.private}
			see("an unknown key, while it is down", unknown, "unavailable")
			clock.pass(time.Hour - 10*time.Second - 1)
			see("at the last", key, issuer.URL+"#jane")
			see("at the last, the other key", young, issuer.URL+"#jane")
			clock.pass(1)
			see("too old", key, "unavailable")
			clock.pass(24 * time.Hour)
			see("much too old", key, "unavailable")
			issuer.answer(nil)
			clock.pass(10 * time.Second)
			see("in the end", key, issuer.URL+"#jane")
		})
	}
}

// Keys are fetched again, and given up, as WithKeyLifetime says.
func TestKeyLifetime(t *testing.T) {
	t.Parallel()
	clock, key := newClock(), es256("k1")
	issuer := newProvider(t, key.public())
	authenticator := trusted(t, issuer, bearer.WithClock(clock.Now), bearer.WithKeyLifetime(10*time.Second, 30*time.Second))
	call := func() string { return authenticate(t, authenticator, key.token(issuer.URL, clock.Now())) }
	for _, test := range []struct {
		after   time.Duration
		down    bool
		want    string
		fetches int
	}{
		{0, false, issuer.URL + "#jane", 1},
		{10*time.Second - 1, false, issuer.URL + "#jane", 1},
		{1, false, issuer.URL + "#jane", 2},
		{20 * time.Second, true, issuer.URL + "#jane", 3},
		{10 * time.Second, true, "unavailable", 4},
	} {
		clock.pass(test.after)
		issuer.answer(nil)
		if test.down {
			issuer.answer(func(w http.ResponseWriter, r *http.Request) {
				issuer.mu.Lock()
				issuer.fetches++ // of the document, in place of the keys
				issuer.mu.Unlock()
				down(w, r)
			})
		}
		got := call()
		_ = authenticator.Load(t.Context()) // waits for the fetch
		if got != test.want || issuer.fetched() != test.fetches {
			t.Errorf("after %v more: %s and %d fetches, want %s and %d", test.after, got, issuer.fetched(), test.want, test.fetches)
		}
	}
}

// Keys are asked for as JSON, and no cookie of a given client goes along or is kept.
func TestWhatAnIssuerIsAsked(t *testing.T) {
	t.Parallel()
	key := es256("k1")
	issuer := newProvider(t, key.public())
	issuer.answer(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept") != "application/json" || r.Header.Get("Cookie") != "" {
			t.Errorf("%s was asked for with %v", r.URL, r.Header)
		}
		http.SetCookie(w, &http.Cookie{Name: "issuer", Value: "x", Path: "/"})
		if r.URL.Path == "/keys" {
			_, _ = w.Write(fields{"keys": []any{key.public()}}.json())
			return
		}
		_, _ = w.Write(fields{"issuer": issuer.URL, "jwks_uri": issuer.URL + "/keys"}.json())
	})
	jar := must(cookiejar.New(nil))
	authenticator := trusted(t, issuer, bearer.WithHTTPClient(&http.Client{Jar: jar}))
	if got := authenticate(t, authenticator, key.token(issuer.URL, time.Now())); got != issuer.URL+"#jane" {
		t.Error(got)
	}
	if kept := jar.Cookies(must(url.Parse(issuer.URL))); len(kept) > 0 {
		t.Errorf("the client's jar has %v", kept)
	}
}

// An authenticator that was closed before it had keys fetches none, and says so.
func TestClosedWithoutKeys(t *testing.T) {
	t.Parallel()
	key := es256("k1")
	issuer := newProvider(t, key.public())
	authenticator := trusted(t, issuer)
	if err := authenticator.Close(); err != nil {
		t.Fatal(err)
	}
	_, verifyErr := authenticator.Verify(t.Context(), key.token(issuer.URL, time.Now()))
	for name, err := range map[string]error{"Verify": verifyErr, "Load": authenticator.Load(t.Context())} {
		if !errors.Is(err, authn.ErrUnavailable) || !strings.Contains(err.Error(), "the authenticator is closed") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if issuer.visited() != 0 {
		t.Errorf("%d requests", issuer.visited())
	}
}

// TestIssuerGone takes the whole server away.
func TestIssuerGone(t *testing.T) {
	t.Parallel()
	clock, key := newClock(), es256("k1")
	issuer := newProvider(t, key.public())
	authenticator := trusted(t, issuer, bearer.WithClock(clock.Now))
	wire := newWire(t, authenticator, actiontest.WithClock(t, clock.Now))
	call := func() answer { return wire.call(t, "Bearer "+key.token(issuer.URL, clock.Now())) }
	if got := call(); got.status != http.StatusOK {
		t.Fatal(got)
	}
	issuer.Close()
	clock.pass(time.Hour - 1)
	if got := call(); got.status != http.StatusOK {
		t.Errorf("within an hour: %+v", got)
	}
	clock.pass(1)
	got := call()
	if got.code != "unavailable" || got.challenge != "" || strings.Contains(got.body, "127.0.0.1") || wire.handled.Load() != 2 {
		t.Errorf("after an hour: %+v", got)
	}
	if denials := wire.denied(); len(denials) != 1 || denials[0].Err == nil {
		t.Errorf("recorded: %+v", denials)
	}
}

// TestSlowIssuer has one caller go away, and others not, while the keys are fetched.
func TestSlowIssuer(t *testing.T) {
	t.Parallel()
	key := es256("k1")
	issuer := newProvider(t, key.public())
	asked, release := make(chan struct{}, 10), make(chan struct{})
	issuer.answer(func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-release
		issuer.answer(nil)
		issuer.ServeHTTP(w, r)
	})
	authenticator := trusted(t, issuer)
	token := key.token(issuer.URL, time.Now())
	answers := make(chan string, 10)
	verify := func(ctx context.Context) { answers <- outcome(authenticator.Verify(ctx, token)) }
	gone, leave := context.WithCancel(t.Context())
	go verify(gone)
	<-asked
	for range 5 {
		go verify(t.Context())
	}
	leave()
	if got := <-answers; got != "canceled" {
		t.Errorf("who left: %s", got)
	}
	late, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	verify(late)
	if got := <-answers; got != "late" {
		t.Errorf("who had no time: %s", got)
	}
	close(release)
	for range 5 {
		if got := <-answers; got != issuer.URL+"#jane" {
			t.Errorf("who stayed: %s", got)
		}
	}
	if got := issuer.fetched(); got != 1 {
		t.Errorf("%d fetches", got)
	}
}

// TestSlowerThanTheInterval has one fetch take longer than the time between two.
func TestSlowerThanTheInterval(t *testing.T) {
	t.Parallel()
	clock, key := newClock(), es256("k1")
	issuer := newProvider(t, key.public())
	asked, release := make(chan struct{}, 10), make(chan struct{})
	issuer.answer(func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-release
		issuer.answer(nil)
		issuer.ServeHTTP(w, r)
	})
	authenticator := trusted(t, issuer, bearer.WithClock(clock.Now))
	token, answers := key.token(issuer.URL, clock.Now()), make(chan string, 10)
	for i := range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		go func() { answers <- outcome(authenticator.Verify(ctx, token)) }()
		if i == 0 {
			<-asked
		} else {
			cancel()
			if got := <-answers; got != "canceled" {
				t.Errorf("who had to wait: %s", got)
			}
			select {
			case <-asked:
				t.Fatal("a second fetch began beside the first")
			case <-time.After(20 * time.Millisecond):
			}
		}
		clock.pass(20 * time.Second)
		defer cancel()
	}
	close(release)
	if got := <-answers; got != issuer.URL+"#jane" || issuer.fetched() != 1 {
		t.Errorf("%s after %d fetches", got, issuer.fetched())
	}
}

func TestCloseEndsAFetch(t *testing.T) {
	t.Parallel()
	key := es256("k1")
	issuer := newProvider(t, key.public())
	asked := make(chan struct{}, 10)
	issuer.answer(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	})
	authenticator := trusted(t, issuer)
	answers := make(chan string)
	token := key.token(issuer.URL, time.Now())
	go func() { answers <- outcome(authenticator.Verify(t.Context(), token)) }()
	<-asked
	if err := authenticator.Close(); err != nil {
		t.Error(err)
	}
	if got := <-answers; got != "unavailable" {
		t.Errorf("who waited: %s", got)
	}
	if got := authenticate(t, authenticator, token); got != "unavailable" {
		t.Errorf("afterwards: %s", got)
	}
	if err := authenticator.Load(t.Context()); !errors.Is(err, authn.ErrUnavailable) {
		t.Errorf("Load: %v", err)
	}
	if err := authenticator.Close(); err != nil || issuer.visited() != 1 {
		t.Errorf("closed twice: %v, %d requests", err, issuer.visited())
	}
}

// TestKeySets has sets in which a key is of no use, beside one that is.
func TestKeySets(t *testing.T) {
	t.Parallel()
	key := es256("k1")
	public := key.public()
	weak := jose.JSONWebKey{Key: onceRSA().Public(), KeyID: "k1"}
	for name, test := range map[string]struct {
		beside any
		want   string
	}{
		"of an unknown kind":      {fields{"kty": "PQ", "kid": "k1"}, "jane"},
		"of an unknown curve":     {fields{"kty": "OKP", "crv": "Ed448", "x": "AAAA", "kid": "k1"}, "jane"},
		"off its curve":           {fields{"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA", "kid": "k1"}, "jane"},
		"symmetric":               {fields{"kty": "oct", "k": "AAAA", "kid": "k1"}, "jane"},
		"private":                 {jose.JSONWebKey{Key: otherP256(), KeyID: "k1"}, "jane"},
		"for encryption":          {jose.JSONWebKey{Key: otherP256().Public(), KeyID: "k1", Use: "enc"}, "jane"},
		"for something":           {jose.JSONWebKey{Key: otherP256().Public(), KeyID: "k1", Use: "x"}, "jane"},
		"without an id":           {jose.JSONWebKey{Key: otherP256().Public()}, "jane"},
		"another id":              {jose.JSONWebKey{Key: otherP256().Public(), KeyID: "k2"}, "jane"},
		"for another algorithm":   {jose.JSONWebKey{Key: otherP256().Public(), KeyID: "k1", Algorithm: "ES512"}, "jane"},
		"of another kind":         {weak, "jane"},
		"a null":                  {nil, "jane"},
		"a text":                  {"k1", "jane"},
		"a list":                  {[]any{public}, "jane"},
		"to sign":                 {fields{"key_ops": []string{"sign"}, "kty": "EC", "kid": "k1"}, "jane"},
		"the same twice":          {public, "invalid"},
		"another of the same id":  {jose.JSONWebKey{Key: otherP256().Public(), KeyID: "k1"}, "invalid"},
		"another, to verify":      {jose.JSONWebKey{Key: otherP256().Public(), KeyID: "k1", Use: "sig", Algorithm: "ES256"}, "invalid"},
		"another, in other words": {jose.JSONWebKey{Key: must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)).Public(), KeyID: "k1"}, "invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, keys := range [][]any{{test.beside, public}, {public, test.beside}} {
				issuer := newProvider(t, keys...)
				want := test.want
				if want == "jane" {
					want = issuer.URL + "#jane"
				}
				authenticator := trusted(t, issuer)
				token := key.token(issuer.URL, time.Now())
				if got := authenticate(t, authenticator, token); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
				if _, err := authenticator.Verify(t.Context(), token); want == "invalid" && !strings.Contains(err.Error(), "a key that the issuer does not have") {
					t.Errorf("the reason is %v", err)
				}
			}
		})
	}
}

// TestUseOfOneKey changes what the one key of a set says of itself.
func TestUseOfOneKey(t *testing.T) {
	t.Parallel()
	key := es256("k1")
	point := must(key.private.Public().(*ecdsa.PublicKey).Bytes())
	jwk := fields{"kty": "EC", "crv": "P-256", "kid": "k1", "x": encode(point[1:33]), "y": encode(point[33:])}
	for name, test := range map[string]struct {
		change fields
		good   bool
	}{
		"as it is":            {nil, true},
		"verify":              {fields{"key_ops": []string{"verify"}}, true},
		"sign and verify":     {fields{"key_ops": []string{"sign", "verify"}}, true},
		"sign":                {fields{"key_ops": []string{"sign"}}, false},
		"nothing":             {fields{"key_ops": []string{}}, false},
		"key_ops a text":      {fields{"key_ops": "verify"}, false},
		"encryption":          {fields{"use": "enc"}, false},
		"signatures":          {fields{"use": "sig"}, true},
		"Sig":                 {fields{"use": "Sig"}, false},
		"the algorithm":       {fields{"alg": "ES256"}, true},
		"another algorithm":   {fields{"alg": "ES384"}, false},
		"a symmetric one":     {fields{"alg": "HS256"}, false},
		"none":                {fields{"alg": "none"}, false},
		"an id of a number":   {fields{"kid": 1}, false},
		"another id":          {fields{"kid": "K1"}, false},
		"a private exponent":  {fields{"d": encode(must(onceP256().Bytes()))}, false},
		"a certificate's URL": {fields{"x5u": "https://trap.example.com"}, true},
		"a bad certificate":   {fields{"x5c": []string{"MIIB"}}, false},
	} {
		issuer := newProvider(t, jwk.with(test.change))
		want := "invalid"
		if test.good {
			want = issuer.URL + "#jane"
		}
		if got := authenticate(t, trusted(t, issuer), key.token(issuer.URL, time.Now())); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

// TestTLS has an issuer with a certificate, which no other server can show.
func TestTLS(t *testing.T) {
	t.Parallel()
	key := es256("k1")
	issuer := &provider{keys: []any{key.public()}}
	issuer.Server = newTLS(t, issuer)
	token := key.token(issuer.URL, time.Now())
	if got := authenticate(t, trusted(t, issuer, bearer.WithHTTPClient(issuer.Client())), token); got != issuer.URL+"#jane" {
		t.Errorf("trusting its certificate: %s", got)
	}
	if got := authenticate(t, trusted(t, issuer), token); got != "unavailable" {
		t.Errorf("not trusting it: %s", got)
	}
	// Its keys must not come over plain HTTP, not even from this machine.
	plain := newProvider(t, key.public())
	issuer.answer(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"issuer":"` + issuer.URL + `","jwks_uri":"` + plain.URL + `/keys"}`))
	})
	if got := authenticate(t, trusted(t, issuer, bearer.WithHTTPClient(issuer.Client())), token); got != "unavailable" || plain.visited() != 0 {
		t.Errorf("by plain HTTP: %s", got)
	}
	unsafely := trusted(t, issuer, bearer.WithHTTPClient(issuer.Client()), bearer.UnsafeWithoutTLS())
	if got := authenticate(t, unsafely, token); got != issuer.URL+"#jane" {
		t.Errorf("by plain HTTP, unsafely: %s", got)
	}
	// Nor by way of a redirect.
	issuer.answer(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, plain.URL+r.URL.Path, http.StatusMovedPermanently)
	})
	visited := plain.visited()
	if got := authenticate(t, trusted(t, issuer, bearer.WithHTTPClient(issuer.Client())), token); got != "unavailable" || plain.visited() != visited {
		t.Errorf("by a redirect: %s", got)
	}
}

// A roundTripper answers requests to anywhere from memory.
type roundTripper func(*http.Request) string

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	_, _ = recorder.WriteString(f(r))
	response := recorder.Result()
	response.Request = r
	return response, nil
}

// TestWhereKeysMayBe has issuers say that their keys are somewhere else. Each place
// that is asked would answer with the right ones.
func TestWhereKeysMayBe(t *testing.T) {
	t.Parallel()
	key := es256("k1")
	for name, test := range map[string]struct {
		issuer, place string
		options       []bearer.Option
		good          bool
	}{
		"https":                       {"https://id.example.com", "https://id.example.com/keys", nil, true},
		"https elsewhere":             {"https://id.example.com", "https://keys.example.com/keys", nil, true},
		"from https to http":          {"https://id.example.com", "http://id.example.com/keys", nil, false},
		"from https to loopback":      {"https://id.example.com", "http://127.0.0.1/keys", nil, false},
		"from loopback to loopback":   {"http://127.0.0.1:1", "http://[::1]:2/keys", nil, true},
		"from loopback to https":      {"http://localhost:1", "https://id.example.com/keys", nil, true},
		"from loopback to http":       {"http://127.0.0.1:1", "http://id.example.com/keys", nil, false},
		"from loopback to beside it":  {"http://127.0.0.1:1", "http://127.0.0.1.example.com/keys", nil, false},
		"from loopback to metadata":   {"http://127.0.0.1:1", "http://169.254.169.254/keys", nil, false},
		"from https to http, unsafe":  {"https://id.example.com", "http://id.example.com/keys", []bearer.Option{bearer.UnsafeWithoutTLS()}, true},
		"from https to ftp, unsafe":   {"https://id.example.com", "ftp://id.example.com/keys", []bearer.Option{bearer.UnsafeWithoutTLS()}, false},
		"from https to nothing":       {"https://id.example.com", "", nil, false},
		"from http to http, unsafely": {"http://id.example.com", "http://keys.example.com/keys", []bearer.Option{bearer.UnsafeWithoutTLS()}, true},
	} {
		client := &http.Client{Transport: roundTripper(func(r *http.Request) string {
			if strings.HasSuffix(r.URL.Path, "/keys") {
				return string(fields{"keys": []any{key.public()}}.json())
			}
			return string(fields{"issuer": test.issuer, "jwks_uri": test.place}.json())
		})}
		authenticator := must(bearer.New(test.issuer, audience, bearer.Discovery(), append(test.options, bearer.WithHTTPClient(client))...))
		want := "unavailable"
		if test.good {
			want = test.issuer + "#jane"
		}
		if got := authenticate(t, authenticator, key.token(test.issuer, time.Now())); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
		_ = authenticator.Close()
	}
}

// TestRedirectElsewhere has an address of keys lead to other origins, where the right
// ones are.
func TestRedirectElsewhere(t *testing.T) {
	t.Parallel()
	key := es256("k1")
	elsewhere, issuer := newProvider(t, key.public()), newProvider(t)
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, place := range []string{elsewhere.URL + "/keys", strings.Replace(issuer.URL, "127.0.0.1", "localhost", 1) + "/keys"} {
			issuer.answer(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.Host, "localhost") {
					elsewhere.ServeHTTP(w, r)
					return
				}
				http.Redirect(w, r, place, status)
			})
			authenticator := must(bearer.New("id", audience, bearer.KeysAt(issuer.URL+"/keys")))
			if got := authenticate(t, authenticator, key.token("id", time.Now())); got != "unavailable" {
				t.Errorf("%d: %s", status, got)
			}
			_ = authenticator.Close()
		}
	}
	if elsewhere.visited() != 0 {
		t.Error("it was followed")
	}
}

// TestRedirectWithin follows an issuer that moves its documents about at home.
func TestRedirectWithin(t *testing.T) {
	t.Parallel()
	key := es256("k1")
	issuer := newProvider(t, key.public())
	issuer.answer(func(w http.ResponseWriter, r *http.Request) {
		if path, ok := strings.CutPrefix(r.URL.Path, "/moved"); ok {
			r.URL.Path = path
			issuer.answer(nil)
			issuer.ServeHTTP(w, r)
			return
		}
		http.Redirect(w, r, "/moved"+r.URL.Path, http.StatusFound)
	})
	if got := authenticate(t, trusted(t, issuer), key.token(issuer.URL, time.Now())); got != issuer.URL+"#jane" {
		t.Errorf("got %s", got)
	}
}
