package bearer

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/option"
)

// A key may have as many bits as the longest one, and no more.
func TestLengthOfRSAKeys(t *testing.T) {
	t.Parallel()
	for bits, fine := range map[uint]bool{minRSABits - 1: false, minRSABits: true, maxRSABits: true, maxRSABits + 1: false} {
		key := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), bits-1), E: 65537}
		if err := checkKey(key); (err == nil) != fine {
			t.Errorf("%d bits: %v", bits, err)
		}
	}
}

// Of two keys of one id that fit an algorithm, none is meant.
func TestTwoKeysOfOneID(t *testing.T) {
	t.Parallel()
	key := func() issuerKey {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return issuerKey{public: crypto.PublicKey(&private.PublicKey)}
	}
	one := keySet{"a": {key()}}
	if found, ok := one.find("a", "ES256"); !ok || found == nil {
		t.Errorf("of one key: %v, %t", found, ok)
	}
	if found, ok := one.find("a", "ES257"); ok || found != nil {
		t.Errorf("for an algorithm that there is not: %v, %t", found, ok)
	}
	two := keySet{"a": {key(), key()}}
	if found, ok := two.find("a", "ES256"); ok || found != nil {
		t.Errorf("of two keys: %v, %t", found, ok)
	}
}

// A document may be as long as the longest one, and no longer.
func TestLengthOfDocuments(t *testing.T) {
	t.Parallel()
	length := maxBody
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(bytes.Repeat([]byte(" "), length))
	}))
	defer server.Close()
	fetcher := newFetcher(server.Client())
	if body, err := fetcher.fetch(t.Context(), server.URL); err != nil || len(body) != maxBody {
		t.Errorf("the longest: %d bytes, %v", len(body), err)
	}
	length++
	if body, err := fetcher.fetch(t.Context(), server.URL); err == nil || body != nil {
		t.Errorf("a longer one: %d bytes", len(body))
	}
	if _, err := fetcher.fetch(t.Context(), "http://a b"); err == nil {
		t.Error("an address that is none is fetched")
	}
}

// A fetch takes ten seconds at most and follows three redirects, with a client of its own
// as with a given one. The headers of an answer are limited by a client of its own.
func TestLimitsOfAFetch(t *testing.T) {
	t.Parallel()
	for name, given := range map[string]*http.Client{"its own": nil, "given": {}} {
		fetcher := newFetcher(given)
		if fetcher.client.Timeout != maxFetch {
			t.Errorf("%s: the client has %v", name, fetcher.client.Timeout)
		}
		transport, limited := fetcher.client.Transport.(*http.Transport)
		if limited = limited && transport.MaxResponseHeaderBytes == maxHeaderBytes; limited != (given == nil) {
			t.Errorf("%s: headers are limited: %t", name, limited)
		}
		fetcher.close()
	}
	if transport, ok := newFetcher(nil).client.Transport.(*http.Transport); !ok || transport.TLSHandshakeTimeout != http.DefaultTransport.(*http.Transport).TLSHandshakeTimeout {
		t.Error("its own client does not have the settings of the default transport")
	}
	at := &http.Request{URL: &url.URL{Scheme: "https", Host: "issuer.example"}}
	past := make([]*http.Request, maxRedirects+1)
	for i := range past {
		past[i] = at
	}
	if err := stay(at, past[:maxRedirects]); err != nil {
		t.Errorf("the last redirect: %v", err)
	}
	if err := stay(at, past); err == nil {
		t.Error("one redirect more is followed")
	}
}

// Keys may be kept exactly as long as they serve before they are fetched again.
func TestShortestKeyLifetime(t *testing.T) {
	t.Parallel()
	for longer, fine := range map[time.Duration]bool{-1: false, 0: true, 1: true} {
		err := option.Apply("bearer", &settings{}, []Option{WithKeyLifetime(2*minInterval, 2*minInterval+longer)})
		if (err == nil) != fine {
			t.Errorf("%v longer: %v", longer, err)
		}
	}
}

// A source of keys that panics has failed: a token waits for it no longer, and the process
// goes on.
func TestSourceOfKeysPanics(t *testing.T) {
	t.Parallel()
	ring := newKeyring(&settings{now: time.Now, refresh: time.Minute, keep: time.Hour}, newFetcher(nil), func(context.Context) (keySet, error) { panic("out of order") })
	defer ring.close()
	if err := ring.load(t.Context()); !errors.Is(err, authn.ErrUnavailable) || !strings.Contains(err.Error(), "panic in the source of keys") {
		t.Errorf("got %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	never := newKeyring(&settings{now: time.Now, refresh: time.Minute, keep: time.Hour}, newFetcher(nil), func(ctx context.Context) (keySet, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	defer never.close()
	if err := never.load(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who is gone: %v", err)
	}
}

// A keyring that is closed has no keys to give, and asks for none.
func TestClosedKeyring(t *testing.T) {
	t.Parallel()
	asked := false
	ring := newKeyring(&settings{now: time.Now, refresh: time.Minute, keep: time.Hour}, newFetcher(nil), func(context.Context) (keySet, error) {
		asked = true
		return keySet{}, nil
	})
	ring.close()
	if err := ring.load(t.Context()); !errors.Is(err, errClosed) {
		t.Errorf("load: %v", err)
	}
	if _, _, err := ring.look("a", "ES256", true); !errors.Is(err, errClosed) {
		t.Errorf("look: %v", err)
	}
	if asked {
		t.Error("the issuer was asked")
	}
}
