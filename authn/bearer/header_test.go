package bearer_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/bearer"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// raw sends a request line by line, so that headers go out as they are written here,
// and returns the status.
func (w *wire) raw(t *testing.T, authorization ...string) int {
	t.Helper()
	connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", w.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(10 * time.Second))
	var request strings.Builder
	fmt.Fprintf(&request, "POST %s HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 2\r\n",
		demov1client.AccountServiceListUsersProcedure)
	for _, line := range authorization {
		request.WriteString(line + "\r\n")
	}
	request.WriteString("\r\n{}")
	if _, err := connection.Write([]byte(request.String())); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	key := es256("k1")
	issuer := newProvider(t, key.public())
	wire := newWire(t, trusted(t, issuer))
	token := key.token(issuer.URL, time.Now())
	other := key.sign(key.goodHeader().json(), goodClaims(issuer.URL, time.Now()).with(fields{"sub": "root"}).json())

	for name, lines := range map[string][]string{
		"as it is":          {"Authorization: Bearer " + token},
		"lower case":        {"authorization: bearer " + token},
		"spaces around":     {"Authorization:   Bearer " + token + "  "},
		"tabs around":       {"Authorization:\tBearer " + token + "\t"},
		"others beside it":  {"X-Authorization: Bearer x", "Authorization: Bearer " + token, "Proxy-Authorization: Bearer x"},
		"an upper case one": {"AUTHORIZATION: BEARER " + token},
		"folded":            {"Authorization: Bearer", " " + token}, // one line by RFC 9112, section 5.2
	} {
		if got := wire.raw(t, lines...); got != http.StatusOK {
			t.Errorf("%s: %d", name, got)
		}
	}
	handled := wire.handled.Load()
	for name, lines := range map[string][]string{
		"none":                     nil,
		"empty":                    {"Authorization:"},
		"a space":                  {"Authorization:  "},
		"scheme alone":             {"Authorization: Bearer"},
		"token alone":              {"Authorization: " + token},
		"another scheme":           {"Authorization: Basic " + token},
		"DPoP":                     {"Authorization: DPoP " + token},
		"twice the same":           {"Authorization: Bearer " + token, "Authorization: Bearer " + token},
		"two":                      {"Authorization: Bearer " + token, "Authorization: Bearer " + other},
		"two, the other way round": {"Authorization: Bearer " + other, "Authorization: Bearer " + token},
		"two, Basic first":         {"Authorization: Basic eDp5", "Authorization: Bearer " + token},
		"two, Basic last":          {"Authorization: Bearer " + token, "Authorization: Basic eDp5"},
		"two, empty first":         {"Authorization:", "Authorization: Bearer " + token},
		"two, empty last":          {"Authorization: Bearer " + token, "Authorization:"},
		"two, other letter case":   {"authorization: Bearer " + token, "AUTHORIZATION: Bearer " + token},
		"joined":                   {"Authorization: Bearer " + token + ", Bearer " + other},
		"joined tightly":           {"Authorization: Bearer " + token + ",Bearer " + other},
		"joined, Basic first":      {"Authorization: Basic eDp5, Bearer " + token},
		"joined, Basic last":       {"Authorization: Bearer " + token + ", Basic eDp5"},
		"joined, with nothing":     {"Authorization: Bearer " + token + ","},
		"tab between":              {"Authorization: Bearer\t" + token},
		"two spaces":               {"Authorization: Bearer  " + token},
		"tab within":               {"Authorization: Bearer " + token[:20] + "\t" + token[20:]},
		"space within":             {"Authorization: Bearer " + token[:20] + " " + token[20:]},
		"not UTF-8":                {"Authorization: Bearer " + token + "\xff"},
		"not UTF-8, scheme":        {"Authorization: Bearer\xff " + token},
		"no-break space":           {"Authorization: Bearer\xc2\xa0" + token},
		"quoted":                   {`Authorization: Bearer "` + token + `"`},
		"as a parameter":           {`Authorization: Bearer token="` + token + `"`},
		"name with a space":        {"Authorization : Bearer " + token},
		"too long":                 {"Authorization: Bearer " + token + strings.Repeat("A", 8<<10)},
		"far too many dots":        {"Authorization: Bearer " + strings.Repeat(".", 64<<10)},
		"in a cookie":              {"Cookie: Authorization=Bearer " + token + "; access_token=" + token},
		"forwarded":                {"X-Forwarded-Authorization: Bearer " + token, "X-Forwarded-User: root", "X-Original-Authorization: Bearer " + token},
		"under another name":       {"X-Authorization: Bearer " + token, "Proxy-Authorization: Bearer " + token, "Access-Token: " + token},
	} {
		before := len(wire.denied())
		// What is no HTTP at all is refused before there is a call.
		switch got := wire.raw(t, lines...); {
		case wire.handled.Load() != handled:
			t.Fatalf("%s: the handler ran", name)
		case got == http.StatusUnauthorized:
			if denials := wire.denied()[before:]; len(denials) != 1 || denials[0].Stage != event.StageAuthenticate {
				t.Errorf("%s: recorded as %+v", name, denials)
			}
		case got != http.StatusBadRequest:
			t.Errorf("%s: %d", name, got)
		}
	}
}

// TestCredential leaves what is not a token of ours to other schemes, and refuses what no scheme takes.
func TestCredential(t *testing.T) {
	t.Parallel()
	authenticator := must(bearer.New("id", audience, static(onceP256().Public())))
	for authorization, want := range map[string]string{
		"Basic eDp5": "none", "Bearer opaque": "none", "Bearer ses_x": "none", "Bearer eyJ": "none", "Bearer opaque==": "none",
		"Bearer a b": "invalid", "Bearer a,b": "invalid", "Bearer a, Bearer b": "invalid", "Bearer  a": "invalid", "Bearer a\t": "invalid", "Bearer \xff": "invalid",
		"Bearer a=b": "invalid", "Bearer =": "invalid", "Bearer ": "invalid", "Bearer": "invalid", "": "invalid", "opaque": "invalid",
	} {
		_, err := authenticator.Credential(calling(authorization))
		if got := outcome(nil, err); got != want {
			t.Errorf("%q: %s, want %s", authorization, got, want)
		}
	}
	if token, err := authenticator.Credential(calling("bearer a.b")); token != "a.b" || err != nil {
		t.Errorf("%q, %v", token, err)
	}
	if _, err := authenticator.Credential(calling()); outcome(nil, err) != "none" {
		t.Error(err)
	}
}

// TestQueryAndBody sends a token in the other two ways of RFC 6750, section 2, which
// leak it.
func TestQueryAndBody(t *testing.T) {
	t.Parallel()
	key := es256("k1")
	issuer := newProvider(t, key.public())
	wire := newWire(t, trusted(t, issuer))
	token := key.token(issuer.URL, time.Now())
	for _, address := range []string{
		"?access_token=" + token, "?connect=v1&encoding=json&message=%7B%7D&access_token=" + token, "?Authorization=Bearer%20" + token,
	} {
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			request, err := http.NewRequestWithContext(t.Context(), method, wire.URL+demov1client.AccountServiceListUsersProcedure+address, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/json")
			response, err := wire.Client().Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK || wire.handled.Load() != 0 {
				t.Errorf("%s %.20s: %d", method, address, response.StatusCode)
			}
		}
	}
}

// TestBounds verifies what is large on purpose. It does not run beside others, which
// allocate as well.
func TestBounds(t *testing.T) { //nolint:paralleltest // see above
	key := es256("k1")
	issuer := newProvider(t, key.public())
	authenticator := trusted(t, issuer, bearer.WithClaims(&structpb.Struct{}))
	good := key.token(issuer.URL, time.Now())
	sign := func(more fields) string {
		return key.sign(key.goodHeader().json(), goodClaims(issuer.URL, time.Now()).with(more).json())
	}
	megabyte, list, deep := strings.Repeat("x", 1<<20), make([]string, 100_000), any(0)
	for range 20 {
		deep = map[string]any{"fields": deep, "list": list[:5000]}
	}
	for name, token := range map[string]string{
		"signed, a megabyte":      sign(fields{"email": megabyte}),
		"signed, a long list":     sign(fields{"org_ids": list}),
		"signed, deep and wide":   sign(fields{"fields": deep}),
		"signed, a long header":   key.sign(key.goodHeader().with(fields{"x": megabyte}).json(), goodClaims(issuer.URL, time.Now()).json()),
		"signed, and zeros after": good + strings.Repeat("A", 1<<20),
		"a million dots":          strings.Repeat(".", 1_000_000),
		"a million dots after it": good + strings.Repeat(".", 1_000_000),
		"a million parts":         strings.Repeat("eyJh.", 1_000_000),
		"dots and padding":        strings.Repeat("=.", 500_000),
	} {
		call := calling("Bearer " + token)
		for way, verify := range map[string]func() (*authn.Principal, error){
			"Verify":       func() (*authn.Principal, error) { return authenticator.Verify(t.Context(), token) },
			"Authenticate": func() (*authn.Principal, error) { return authenticator.Authenticate(t.Context(), call) },
		} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			principal, err := verify()
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if got := outcome(principal, err); got != "invalid" {
				t.Errorf("%s, %s: %s", name, way, got)
			}
			allocated := after.TotalAlloc - before.TotalAlloc
			if allocated > 64<<10 || took > time.Second {
				t.Errorf("%s, %s: %d bytes, %v", name, way, allocated, took)
			}
		}
	}
}

// A signed token of 8 KiB is read, and one byte more is refused, in whichever part it is.
func TestTokenLength(t *testing.T) {
	t.Parallel()
	const longest = 8 << 10
	key := es256("k1")
	authenticator := must(bearer.New("id", audience, static(key.private.Public())))
	good := goodClaims("id", time.Now())
	for part, sign := range map[string]func(filling string) string{
		"header": func(filling string) string {
			return key.sign(key.goodHeader().with(fields{"filling": filling}).json(), good.json())
		},
		"payload": func(filling string) string {
			return key.sign(key.goodHeader().json(), good.with(fields{"filling": filling}).json())
		},
	} {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			// A byte of filling makes the token longer by one byte or two.
			filling := (longest - len(sign(""))) * 3 / 4
			outcomes := map[string]int{}
			for n := filling - 4; n <= filling+4; n++ {
				token, want := sign(strings.Repeat("x", n)), "id#jane"
				if len(token) > longest {
					want = "invalid"
				}
				outcomes[want]++
				principal, err := authenticator.Verify(t.Context(), token)
				if got := outcome(principal, err); got != want || err != nil && !quiet(err, token) {
					t.Errorf("%d bytes: %s, %v, want %s", len(token), got, err, want)
				}
			}
			if len(outcomes) != 2 {
				t.Errorf("the lengths are all on one side: %v", outcomes)
			}
		})
	}
}
