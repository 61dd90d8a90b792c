package server_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
)

// An answer to a GET that a gate let through for one caller is kept by no cache that
// callers share, even if the handler asks for the opposite.
func TestGetAnswersArePrivate(t *testing.T) {
	t.Parallel()
	const query = listUsers + "?encoding=json&message=%7B%7D"
	for asked, want := range map[string]string{
		"":                                  "no-store",
		"public":                            "private",
		"public, max-age=60":                "private, max-age=60",
		"max-age=60":                        "private, max-age=60",
		"Max-Age=60, S-MaxAge=600":          "private, max-age=60",
		"s-maxage=600":                      "private",
		"private, max-age=60":               "private, max-age=60",
		`private="Set-Cookie", max-age=60`:  "private, max-age=60",
		`no-cache="a,public", max-age=60`:   "private, max-age=60",
		"no-store":                          "no-store",
		"public, NO-STORE":                  "no-store",
		"must-revalidate, proxy-revalidate": "private, must-revalidate",
		"no-cache,immutable":                "private, no-cache, immutable",
		"an-extension=1":                    "private",
	} {
		directory := &directory{name: "Ada"}
		directory.hold = func(ctx context.Context) error {
			call, _ := connect.CallInfoForServerContext(ctx)
			if asked != "" {
				call.ResponseHeader().Set("Cache-Control", asked)
			}
			call.ResponseHeader().Set("CDN-Cache-Control", "public, max-age=600")
			call.ResponseHeader().Set("Surrogate-Control", "max-age=600")
			return nil
		}
		served := serve(t, directory)
		for credential, status := range map[string]int{"Bearer admin": http.StatusOK, "Bearer member": http.StatusForbidden, "": http.StatusUnauthorized} {
			got := served.ask(t, served.client(t, 1), "GET", query, "", "Authorization", credential)
			control := strings.Join(got.header.Values("Cache-Control"), "; ")
			vary := strings.Join(got.header.Values("Vary"), ", ")
			if status != http.StatusOK {
				if control != "no-store" {
					t.Errorf("%q for %q: %q", asked, credential, control)
				}
				continue
			}
			if got.status != status || control != want || vary != "Accept-Encoding, Authorization, Cookie" {
				t.Errorf("%q: status %d, Cache-Control %q, Vary %q", asked, got.status, control, vary)
			}
			if got.header.Get("CDN-Cache-Control") != "" || got.header.Get("Surrogate-Control") != "" {
				t.Errorf("%q: left %v", asked, got.header)
			}
		}
		// A POST is kept by no cache, and what its handler says stands.
		got := served.ask(t, served.client(t, 1), "POST", listUsers, "{}", "Content-Type", "application/json", "Authorization", "Bearer admin")
		if control := got.header.Get("Cache-Control"); control != asked {
			t.Errorf("%q by POST: %q", asked, control)
		}
	}
}

// What HTTP refuses says why.
func TestRefusalsOfHTTPSaySomething(t *testing.T) {
	t.Parallel()
	plain := serve(t, &directory{})
	streams, _ := serveStreams(t, 0)
	for _, test := range []struct {
		*served
		head   string
		status int
		body   string
	}{
		{plain, "DELETE " + listUsers + " HTTP/1.1\r\nContent-Type: application/json", 405, "method not allowed: use GET, POST\n"},
		{plain, "OPTIONS " + listUsers + " HTTP/1.1", 405, "method not allowed: use GET, POST\n"},
		{plain, "HEAD " + listUsers + " HTTP/1.1", 405, ""},
		{plain, "GET /demo.v1.AccountService/DeleteUser HTTP/1.1", 405, "method not allowed: use POST\n"},
		{plain, "POST " + listUsers + " HTTP/1.1\r\nContent-Type: text/plain", 415, "unsupported content type: use application/grpc"},
		{plain, "GET " + listUsers + " HTTP/1.1", 415, "a GET request has no body: its message is in the query"},
		{streams, "POST /described.v1.StreamService/Both HTTP/1.1\r\nContent-Type: application/connect+proto", 505, "streams in both directions need HTTP/2\n"},
	} {
		got := test.raw(t, test.head, "")
		if got.status != test.status || !strings.HasPrefix(got.body, test.body) || got.status != 415 && got.body != test.body {
			t.Errorf("%s: %+v", test.head, got)
		}
		if got.header.Get("Content-Type") != "text/plain; charset=utf-8" || got.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", test.head, got.header)
		}
	}
	if got := plain.raw(t, "POST "+listUsers+" HTTP/1.1\r\nContent-Type: text/plain", ""); !strings.Contains(got.body, "application/json") {
		t.Errorf("%q does not name application/json", got.body)
	}
}
