package demo

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/cache"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// An issuer is an OpenID provider over real HTTP.
type issuer struct {
	*httptest.Server

	private *ecdsa.PrivateKey
	fetched atomic.Int64 // how often its keys were fetched
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{private: private}
	// The server starts once i has it: a stray connection may call at once.
	i.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/.well-known/openid-configuration":
			_ = json.NewEncoder(w).Encode(map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/keys"})
		case "/keys":
			i.fetched.Add(1)
			_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: private.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}}})
		default:
			http.NotFound(w, r)
		}
	}))
	i.Start()
	t.Cleanup(i.Close)
	return i
}

// token returns a token of an admin who signed in some time ago.
func (i *issuer) token(t *testing.T, subject, audience string, signedIn time.Duration) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: i.private, KeyID: "k"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	token, err := jwt.Signed(signer).Claims(map[string]any{
		"iss": i.URL, "aud": audience, "sub": subject, "roles": []string{"admin"},
		"exp": now.Add(time.Hour).Unix(), "iat": now.Unix(), "auth_time": now.Add(-signedIn).Unix(),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// TestTokens has the demo accept the tokens of an OpenID provider.
func TestTokens(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	demo := start(t, "-addr", "127.0.0.1:0", "-db", ":memory:", "-oidc-issuer", issuer.URL, "-oidc-audience", "https://demo.example.com")
	if want := "\nBearer tokens of " + issuer.URL + " are accepted.\n"; !strings.Contains(demo.welcome, want) {
		t.Errorf("the welcome lacks %q: %s", want, demo.welcome)
	}
	if status, page := healthOf(t, demo); status != http.StatusOK || page != "users: ok\ntokens: ok\n" {
		t.Errorf("the health is %d %q", status, page)
	}
	member, session := signIn(t, demo, "member")
	other, _ := signIn(t, demo, "other")
	fresh := issuer.token(t, member, "https://demo.example.com", time.Minute)
	for range 10 {
		if code := lists(t, demo, fresh); code != 0 {
			t.Fatalf("an admin of the issuer's: %s", code)
		}
	}
	if fetched := issuer.fetched.Load(); fetched != 1 {
		t.Errorf("keys were fetched %d times", fetched)
	}
	// The subject is a user's id, and does not make the caller that user.
	_, err := demo.client(t, fresh).UpdateProfile(t.Context(), &demov1.UpdateProfileRequest{UserId: member, Name: "New", Email: "new@example.com"})
	if connect.CodeOf(err) != connect.CodePermissionDenied {
		t.Errorf("an action for the user alone: %v", err)
	}
	if code := lists(t, demo, session); code != connect.CodePermissionDenied {
		t.Errorf("with a session: %s", code)
	}

	_, err = demo.client(t, issuer.token(t, "ada", "https://demo.example.com", 16*time.Minute)).DeleteUser(t.Context(), &demov1.DeleteUserRequest{UserId: other})
	if connect.CodeOf(err) != connect.CodeUnauthenticated {
		t.Errorf("deleting with an old sign-in: %v", err)
	}
	if _, err := demo.client(t, fresh).DeleteUser(t.Context(), &demov1.DeleteUserRequest{UserId: other}); err != nil {
		t.Errorf("deleting with a fresh one: %v", err)
	}

	for name, bad := range map[string]string{
		"another audience": issuer.token(t, "ada", "https://other.example.com", 0),
		"another key":      newIssuer(t).token(t, "ada", "https://demo.example.com", 0),
		"changed":          fresh[:len(fresh)-4] + "AAAA",
		"no token":         "a.b.c",
	} {
		ctx, call := connect.NewClientContext(t.Context())
		_, err := demo.client(t, bad).ListUsers(ctx, &demov1.ListUsersRequest{})
		if connect.CodeOf(err) != connect.CodeUnauthenticated {
			t.Errorf("%s: %v", name, err)
		}
		const want = `Bearer realm="https://demo.example.com", error="invalid_token"`
		if challenges := strings.Join(call.ResponseHeader().Values("WWW-Authenticate"), "\n"); !strings.Contains(challenges, want) {
			t.Errorf("%s: the challenges are %q", name, challenges)
		}
	}
	if log := demo.log.String(); strings.Contains(log, "eyJ") || strings.Contains(demo.welcome, "eyJ") {
		t.Errorf("a token is in the log: %s", log)
	}

	issuer.Close()
	if code := lists(t, demo, fresh); code != 0 {
		t.Errorf("with the issuer gone, a token that is known: %s", code)
	}
}

// TestTokensWithoutTheirIssuer starts the demo while the issuer cannot be reached. The demo
// says so at the start, in the log and in its health.
func TestTokensWithoutTheirIssuer(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	token := issuer.token(t, "ada", "demo", 0)
	issuer.Close()
	demo := start(t, "-addr", "127.0.0.1:0", "-db", ":memory:", "-oidc-issuer", issuer.URL, "-oidc-audience", "demo")
	if want := "\nBearer tokens of " + issuer.URL + " would be accepted, but it was not reached:\n"; !strings.Contains(demo.welcome, want) {
		t.Errorf("the welcome lacks %q: %s", want, demo.welcome)
	}
	// Sessions work, so the status is good.
	if status, page := healthOf(t, demo); status != http.StatusOK || page != "users: ok\ntokens: the keys of their issuer cannot be fetched\n" {
		t.Errorf("the health is %d %q", status, page)
	}
	if code := lists(t, demo, token); code != connect.CodeUnavailable {
		t.Errorf("a token that cannot be verified: %s", code)
	}
	if _, session := signIn(t, demo, "admin"); lists(t, demo, session) != 0 {
		t.Error("a session needs the issuer")
	}
	if err := demo.end(t, syscall.SIGTERM); err != nil { // then all of the log has arrived
		t.Error(err)
	}
	if log := demo.log.String(); !strings.Contains(log, `level=WARN msg="the issuer of tokens was not reached" issuer=`+issuer.URL) {
		t.Errorf("the log is: %s", log)
	}
}

// TestNoTokens starts a demo without an issuer.
func TestNoTokens(t *testing.T) {
	t.Parallel()
	none, err := newTokens("", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := none.close(); err != nil {
		t.Error(err)
	}
	if reporter, ok := none.scheme.(authn.FreshnessReporter); !ok || !reporter.ReportsAuthenticationTime() {
		t.Error("DeleteUser would not be registered")
	}
	demo := start(t, "-addr", "127.0.0.1:0", "-db", ":memory:")
	if code := lists(t, demo, newIssuer(t).token(t, "ada", "demo", 0)); code != connect.CodeUnauthenticated {
		t.Errorf("a token of another issuer: %s", code)
	}
}

// TestTokensAreRemembered: verified tokens are cached.
func TestTokensAreRemembered(t *testing.T) {
	t.Parallel()
	tokens, err := newTokens("https://id.example.com", "demo")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := tokens.scheme.(*cache.Authenticator); !ok {
		t.Errorf("the scheme is a %T", tokens.scheme)
	}
	if err := tokens.close(); err != nil {
		t.Error(err)
	}
}
