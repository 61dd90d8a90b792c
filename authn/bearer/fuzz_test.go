package bearer_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-rpc/sallyport/authn/bearer"
)

// FuzzToken holds that only what the issuer signed is let in, and that what
// else there is is invalid and nothing worse.
func FuzzToken(f *testing.F) {
	clock, key := newClock(), es256("k1")
	authenticator := must(bearer.New("id", audience, static(key.private.Public()), bearer.WithClock(clock.Now)))
	good := key.token("id", clock.Now())
	f.Add(good)
	f.Add(good + ".")
	f.Add(strings.Replace(good, ".", "..", 1))
	f.Fuzz(func(t *testing.T, token string) {
		got := outcome(authenticator.Verify(t.Context(), token))
		if got != "invalid" && token != good {
			t.Errorf("%q: %s", token, got)
		}
		got = outcome(authenticator.Authenticate(t.Context(), calling("Bearer "+token)))
		if token != good && got != "invalid" && got != "none" {
			t.Errorf("Bearer %q: %s", token, got)
		}
	})
}

// FuzzSigned has an issuer sign anything at all. What is let in has the
// claims that every token needs.
func FuzzSigned(f *testing.F) {
	now, key := time.Now(), es256("k1")
	authenticator := must(bearer.New("id", audience, static(key.private.Public()), bearer.WithClock(func() time.Time { return now })))
	f.Add(key.goodHeader().json(), goodClaims("id", now).json())
	f.Add([]byte(`{"alg":"ES256","kid":"k1","kid":"k1"}`), []byte(`{"iss":"id","aud":["x",1],"exp":1e300,"sub":"\ud800"}`))
	f.Fuzz(func(t *testing.T, header, payload []byte) {
		token := key.sign(header, payload)
		principal, err := authenticator.Verify(t.Context(), token)
		if err != nil {
			if got := outcome(principal, err); got != "invalid" {
				t.Errorf("%q, %q: %s", header, payload, got)
			}
			return
		}
		if len(principal.ID()) < len("id#")+1 || !principal.ExpiresAt().After(now) || principal.AuthenticatedAt().After(now.Add(time.Minute)) {
			t.Errorf("%q, %q: %s until %v", header, payload, principal.ID(), principal.ExpiresAt())
		}
		if decoded, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1]); err != nil || !strings.Contains(string(decoded), "exp") && !strings.Contains(string(decoded), `\u`) {
			t.Errorf("%q has no expiry", payload)
		}
	})
}
