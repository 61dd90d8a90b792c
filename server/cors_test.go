package server_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/server"
)

const appOrigin = "https://app.example"

// ask sends a request as a browser would for a page of an origin.
func (s *served) ask(t *testing.T, client *http.Client, method, path, body string, headers ...string) reply {
	t.Helper()
	request, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, response.Trailer, string(answer)}
}

// grants returns what a response allows pages.
func (r reply) grants() map[string]string {
	grants := map[string]string{}
	for name, values := range r.header {
		if short, ok := strings.CutPrefix(name, "Access-Control-"); ok {
			grants[short] = strings.Join(values, ", ")
		}
	}
	return grants
}

func TestPreflight(t *testing.T) {
	t.Parallel()
	served := serve(t, &directory{}, server.WithCORS(server.CORS{
		Origins: []string{appOrigin, "http://localhost:5173"}, RequestHeaders: []string{"X-Request-Id"},
	}))
	const known = "authorization,connect-protocol-version,connect-timeout-ms,content-type"
	for name, test := range map[string]struct {
		origin, method, headers string
		granted                 bool
	}{
		"Connect":             {appOrigin, "POST", known, true},
		"gRPC-Web":            {appOrigin, "POST", "authorization,content-type,grpc-timeout,x-grpc-web,x-user-agent", true},
		"GET":                 {appOrigin, "GET", "authorization", true},
		"the other origin":    {"http://localhost:5173", "POST", known, true},
		"a header of its own": {appOrigin, "POST", "x-request-id", true},
		"no headers":          {appOrigin, "POST", "", true},

		"an unknown header": {appOrigin, "POST", "x-other", false},
		"another method":    {appOrigin, "DELETE", "", false},
		"null":              {"null", "POST", known, false},
		"no origin":         {"", "POST", known, false},
		"http":              {"http://app.example", "POST", known, false},
		"a port":            {"https://app.example:8443", "POST", known, false},
		"the default port":  {"https://app.example:443", "POST", known, false},
		"no port":           {"http://localhost", "POST", known, false},
		"a longer port":     {"http://localhost:51730", "POST", known, false},
		"a suffix":          {"https://app.example.evil", "POST", known, false},
		"a prefix":          {"https://evil-app.example", "POST", known, false},
		"a subdomain":       {"https://evil.app.example", "POST", known, false},
		"upper case":        {"https://APP.example", "POST", known, false},
		"a dot":             {"https://app.example.", "POST", known, false},
		"a path":            {"https://app.example/", "POST", known, false},
		"user":              {"https://app.example@evil.example", "POST", known, false},
		"two in one":        {"https://app.example https://evil.example", "POST", known, false},
		"every origin":      {"*", "POST", known, false},
	} {
		for _, major := range []int{1, 2} {
			headers := []string{"Access-Control-Request-Method", test.method, "Origin", test.origin}
			if test.headers != "" {
				headers = append(headers, "Access-Control-Request-Headers", test.headers)
			}
			got := served.ask(t, served.client(t, major), "OPTIONS", listUsers, "", headers...)
			grants := got.grants()
			if got.status != http.StatusNoContent || got.body != "" || (len(grants) > 0) != test.granted {
				t.Errorf("%s on HTTP/%d: %+v", name, major, got)
			}
			if test.granted && (grants["Allow-Origin"] != test.origin || grants["Allow-Methods"] != test.method ||
				grants["Allow-Headers"] != test.headers || grants["Max-Age"] != "7200" || grants["Allow-Credentials"] != "") {
				t.Errorf("%s on HTTP/%d: %v", name, major, grants)
			}
			if vary := got.header.Get("Vary"); !strings.Contains(vary, "Origin") {
				t.Errorf("%s on HTTP/%d: varies by %q", name, major, vary)
			}
		}
	}
	if got := served.ask(t, served.client(t, 1), "OPTIONS", listUsers, "", "Access-Control-Request-Method", "POST",
		"Origin", appOrigin, "Origin", "https://evil.example"); len(got.grants()) > 0 {
		t.Errorf("two origins: %+v", got)
	}
	if kept, handled := served.take(), served.handled.Load(); len(kept) > 0 || handled > 0 {
		t.Errorf("a preflight request came to a gate: %v", kept)
	}
}

// A page of a named origin may read every answer: of the action, of its gate, and of
// what refused the request before it. Others get the same answer without a grant.
func TestCORSAnswers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, method, path, credential, kind, body string
		status                                     int
	}{
		{"allowed", "POST", listUsers, "Bearer admin", "application/json", "{}", http.StatusOK},
		{"GET", "GET", listUsers + "?encoding=json&message=%7B%7D", "Bearer admin", "", "", http.StatusOK},
		{"denied", "POST", listUsers, "Bearer member", "application/json", "{}", http.StatusForbidden},
		{"unauthenticated", "POST", listUsers, "", "application/json", "{}", http.StatusUnauthorized},
		{"gRPC-Web", "POST", listUsers, "Bearer admin", "application/grpc-web+proto", "\x00\x00\x00\x00\x00", http.StatusOK},
		{"no such procedure", "POST", listUsers + "x", "Bearer admin", "application/json", "{}", http.StatusNotFound},
		{"a form", "POST", listUsers, "Bearer admin", "text/plain", "{}", http.StatusUnsupportedMediaType},
	} {
		served := serve(t, &directory{name: "Ada"}, server.WithCORS(server.CORS{Origins: []string{appOrigin}, ResponseHeaders: []string{"X-Own"}}))
		for _, origin := range []string{appOrigin, "https://evil.example", "null", ""} {
			headers := []string{"Authorization", test.credential, "Content-Type", test.kind}
			if origin != "" {
				headers = append(headers, "Origin", origin)
			}
			got := served.ask(t, served.client(t, 1), test.method, test.path, test.body, headers...)
			if got.status != test.status {
				t.Errorf("%s for %q: %+v", test.name, origin, got)
			}
			grants := got.grants()
			if origin != appOrigin && len(grants) > 0 {
				t.Errorf("%s for %q: %v", test.name, origin, grants)
			}
			exposed := grants["Expose-Headers"]
			if origin == appOrigin && (grants["Allow-Origin"] != appOrigin || grants["Allow-Credentials"] != "" ||
				!strings.Contains(exposed, "Grpc-Status-Details-Bin") || !strings.Contains(exposed, "Www-Authenticate") || !strings.Contains(exposed, "X-Own")) {
				t.Errorf("%s for %q: %v", test.name, origin, grants)
			}
			if !strings.Contains(strings.Join(got.header.Values("Vary"), ","), "Origin") {
				t.Errorf("%s for %q: varies by %v", test.name, origin, got.header["Vary"])
			}
		}
	}
}

// A page can also read the answer to a call on which an interceptor panicked.
func TestCORSAfterPanic(t *testing.T) {
	t.Parallel()
	panicking := around(func(context.Context, connect.Spec, connect.ServerStream, connect.ServerFunc) error { panic("a fault") })
	served := serve(t, &directory{}, server.WithCORS(server.CORS{Origins: []string{appOrigin}}), server.WithInterceptors(panicking))
	got := served.ask(t, served.client(t, 1), "POST", listUsers, "{}", "Content-Type", "application/json", "Origin", appOrigin)
	if got.status != http.StatusInternalServerError || got.header.Get("Access-Control-Allow-Origin") != appOrigin {
		t.Errorf("%+v", got)
	}
}

func TestCORSWithCredentials(t *testing.T) {
	t.Parallel()
	served := serve(t, &directory{}, server.WithCORS(server.CORS{Origins: []string{appOrigin}, Credentials: true, MaxAge: time.Minute}))
	for _, method := range []string{"OPTIONS", "POST"} {
		got := served.ask(t, served.client(t, 1), method, listUsers, "{}", "Content-Type", "application/json",
			"Origin", appOrigin, "Access-Control-Request-Method", "POST")
		if grants := got.grants(); grants["Allow-Credentials"] != "true" || grants["Allow-Origin"] != appOrigin ||
			method == "OPTIONS" && grants["Max-Age"] != "60" {
			t.Errorf("%s: %v", method, grants)
		}
	}
}

// The origin "*" is every page, and cookies are left out.
func TestCORSForEveryOrigin(t *testing.T) {
	t.Parallel()
	served := serve(t, &directory{}, server.WithCORS(server.CORS{Origins: []string{"*"}}))
	for _, method := range []string{"OPTIONS", "POST"} {
		got := served.ask(t, served.client(t, 1), method, listUsers, "{}", "Content-Type", "application/json",
			"Origin", appOrigin, "Access-Control-Request-Method", "POST")
		if grants := got.grants(); grants["Allow-Credentials"] != "" || grants["Allow-Origin"] != "*" {
			t.Errorf("%s: %v", method, grants)
		}
	}
}

// Without the option, and on pages beside the actions, there are no grants and no
// preflight requests.
func TestNoCORS(t *testing.T) {
	t.Parallel()
	without := serve(t, &directory{})
	beside := serve(t, &directory{}, server.WithCORS(server.CORS{Origins: []string{appOrigin}}),
		server.WithUnguardedHandler("/healthz", reason, http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
			fmt.Fprint(writer, request.Method)
		})))
	for _, test := range []struct {
		*served
		path   string
		status int
	}{{without, listUsers, http.StatusMethodNotAllowed}, {beside, "/healthz", http.StatusOK}} {
		got := test.ask(t, test.client(t, 1), "OPTIONS", test.path, "", "Origin", appOrigin, "Access-Control-Request-Method", "POST")
		if got.status != test.status || len(got.grants()) > 0 {
			t.Errorf("%+v", got)
		}
	}
}

func TestNewRefusesCORS(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config server.CORS
		want   string
	}{
		"no origin":          {server.CORS{}, "server: CORS: no origin is named"},
		"null":               {server.CORS{Origins: []string{"null"}}, `"null" is no origin`},
		"a wildcard":         {server.CORS{Origins: []string{"https://*.example"}}, "has a wildcard"},
		"a slash":            {server.CORS{Origins: []string{appOrigin + "/"}}, `use "https://app.example"`},
		"all with cookies":   {server.CORS{Origins: []string{"*"}, Credentials: true}, `with credentials, the origin "*"`},
		"all, and one":       {server.CORS{Origins: []string{"*", appOrigin}}, "so it stands alone"},
		"all, after one":     {server.CORS{Origins: []string{appOrigin, "*"}, Credentials: true}, `with credentials, the origin "*"`},
		"no header":          {server.CORS{Origins: []string{appOrigin}, RequestHeaders: []string{""}}, `"" is no name of a header`},
		"every header":       {server.CORS{Origins: []string{appOrigin}, RequestHeaders: []string{"*"}}, `"*" is no name of a header`},
		"a list of headers":  {server.CORS{Origins: []string{appOrigin}, ResponseHeaders: []string{"A, B"}}, `"A, B" is no name of a header`},
		"an age before zero": {server.CORS{Origins: []string{appOrigin}, MaxAge: -1}, "a maximum age of -1ns is below zero"},
	} {
		registry, _ := newRegistry(t)
		if _, err := server.New(registry, server.WithCORS(test.config)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	registry, _ := newRegistry(t)
	good := server.WithCORS(server.CORS{Origins: []string{appOrigin}})
	if _, err := server.New(registry, good, good); err == nil || err.Error() != "server: WithCORS is given twice" {
		t.Errorf("twice: %v", err)
	}
}
