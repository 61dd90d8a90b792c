package session_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/session"
)

// wireSpecs are procedures without a schema of their own: SignIn takes and returns
// nothing but its token, Who returns the caller's id, SignOut "".
var wireSpecs = map[string]connect.Spec{
	"SignIn":  {Procedure: "/test.Wire/SignIn"},
	"Who":     {Procedure: "/test.Wire/Who", IdempotencyLevel: connect.IdempotencyNoSideEffects},
	"SignOut": {Procedure: "/test.Wire/SignOut"},
}

// serveWire serves the procedures over TLS, HTTP/1.1 and HTTP/2.
func serveWire(t *testing.T, manager *session.Manager) *httptest.Server {
	t.Helper()
	answer := map[string]func(ctx context.Context) (string, error){
		"SignIn": func(ctx context.Context) (string, error) { return manager.Start(ctx, "ada") },
		"Who": func(ctx context.Context) (string, error) {
			call, _ := connect.CallInfoForServerContext(ctx)
			principal, err := manager.Authenticate(ctx, call)
			if err != nil {
				return "", connect.NewError(connect.CodeUnauthenticated, "unauthenticated").WithCause(err)
			}
			return principal.ID(), nil
		},
		"SignOut": func(ctx context.Context) (string, error) { return "", manager.End(ctx) },
	}
	server := connect.NewServer()
	for name, spec := range wireSpecs {
		server.Register(connect.Method{Spec: spec, Handler: func(ctx context.Context, _ connect.Spec, stream connect.ServerStream) error {
			if err := stream.Receive(new(emptypb.Empty)); err != nil {
				return err
			}
			text, err := answer[name](ctx)
			if err != nil {
				return err
			}
			return stream.Send(wrapperspb.String(text))
		}})
	}
	mux := http.NewServeMux()
	connecthttp.Mount(mux, server, connecthttp.WithHTTPGet())
	served := httptest.NewUnstartedServer(mux)
	served.EnableHTTP2 = true
	served.StartTLS()
	t.Cleanup(served.Close)
	return served
}

func TestBrowserOverTheWire(t *testing.T) {
	t.Parallel()
	server := serveWire(t, newManager(t, newRecorder()))
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := *server.Client()
	client.Jar = jar
	// do sends a request as a page of the given origin would have it sent.
	do := func(method, procedure, origin, site string) (int, string) {
		t.Helper()
		target := server.URL + wireSpecs[procedure].Procedure
		if method == http.MethodGet {
			target += "?connect=v1&encoding=json&message=" + url.QueryEscape("{}")
		}
		request, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if method == http.MethodGet {
			request.Body, request.ContentLength = http.NoBody, 0
		}
		request.Header.Set("Content-Type", "application/json")
		if origin != "" {
			request.Header.Set("Origin", origin)
		}
		request.Header.Set("Sec-Fetch-Site", site)
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, strings.Trim(strings.TrimSpace(string(body)), `"`)
	}
	const evil = "https://evil.example"

	if status, _ := do("POST", "Who", server.URL, "same-origin"); status != http.StatusUnauthorized {
		t.Errorf("before signing in: %d", status)
	}
	if status, _ := do("POST", "SignIn", evil, "cross-site"); status != http.StatusOK {
		t.Errorf("signing in from another site: %d", status)
	}
	if status, _ := do("POST", "Who", server.URL, "same-origin"); status != http.StatusUnauthorized {
		t.Errorf("another site planted a cookie: %d", status)
	}
	status, token := do("POST", "SignIn", server.URL, "same-origin")
	if status != http.StatusOK || !strings.HasPrefix(token, "ses_") {
		t.Fatalf("signing in: %d", status)
	}
	for _, method := range []string{"POST", "GET"} {
		if status, who := do(method, "Who", server.URL, "same-origin"); status != http.StatusOK || who != "ada" {
			t.Errorf("%s: %d %s", method, status, who)
		}
		if status, _ := do(method, "Who", "", "none"); status != http.StatusOK {
			t.Errorf("%s typed by the user: %d", method, status)
		}
		if status, _ := do(method, "Who", evil, "cross-site"); status != http.StatusUnauthorized {
			t.Errorf("%s from another site: %d", method, status)
		}
		if status, _ := do(method, "Who", "", "cross-site"); status != http.StatusUnauthorized {
			t.Errorf("%s from another site without an origin: %d", method, status)
		}
	}
	do("POST", "SignOut", evil, "cross-site")
	if status, _ := do("POST", "Who", server.URL, "same-origin"); status != http.StatusOK {
		t.Errorf("another site signed the user out: %d", status)
	}
	do("POST", "SignOut", server.URL, "same-origin")
	if cookies := jar.Cookies(&url.URL{Scheme: "https", Host: strings.TrimPrefix(server.URL, "https://"), Path: "/"}); len(cookies) != 0 {
		t.Errorf("signing out left the cookie %s", cookies[0].Name)
	}
	if status, _ := do("POST", "Who", server.URL, "same-origin"); status != http.StatusUnauthorized {
		t.Errorf("after signing out: %d", status)
	}
}

func TestProgramOverTheWire(t *testing.T) {
	t.Parallel()
	manager := newManager(t, newRecorder())
	server := serveWire(t, manager)
	for name, options := range map[string][]connecthttp.Option{
		"connect":  nil,
		"GET":      {connecthttp.WithHTTPGet()},
		"grpc":     {connecthttp.WithGRPC()},
		"grpc-web": {connecthttp.WithGRPCWeb()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := connect.NewClient(connecthttp.NewTransport(server.Client(), server.URL, options...))
			call := func(procedure string, authorization ...string) (string, error) {
				ctx, info := connect.NewClientContext(t.Context())
				for _, value := range authorization {
					info.RequestHeader().Add("Authorization", value)
				}
				var got wrapperspb.StringValue
				err := client.CallUnary(ctx, wireSpecs[procedure], new(emptypb.Empty), &got)
				return got.GetValue(), err
			}
			denied := func(why string, authorization ...string) {
				t.Helper()
				if got, err := call("Who", authorization...); connect.CodeOf(err) != connect.CodeUnauthenticated {
					t.Errorf("%s: %s, %v", why, got, err)
				}
			}

			denied("without a credential")
			token, err := call("SignIn")
			if err != nil {
				t.Fatal(err)
			}
			if who, err := call("Who", "Bearer "+token); err != nil || who != "ada" {
				t.Errorf("with the token: %s, %v", who, err)
			}
			denied("the token twice", "Bearer "+token, "Bearer "+token)
			denied("another first", "Basic eDp4", "Bearer "+token)
			denied("joined", "Bearer "+token+", Bearer "+token)
			if _, err := call("SignOut", "Bearer "+token); err != nil {
				t.Error(err)
			}
			denied("after signing out", "Bearer "+token)
			if _, err := manager.Authenticate(t.Context(), bearer(token).call()); !errors.Is(err, authn.ErrInvalidCredential) {
				t.Error(err)
			}
		})
	}
}
