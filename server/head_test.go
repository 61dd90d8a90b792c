package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
)

// What connect would repeat in its answer is refused where it is too long, and a query of a
// GET where it says two things; what is as long as it may be passes.
func TestMalformedHead(t *testing.T) {
	t.Parallel()
	most, more := strings.Repeat("x", mostQuoted), strings.Repeat("x", mostQuoted+1)
	for name, test := range map[string]struct {
		method, target string
		header, value  string
		want           *connect.Error
	}{
		"a header as long as it may be":     {http.MethodPost, "/", "Content-Encoding", most, nil},
		"a longer one":                      {http.MethodPost, "/", "Content-Encoding", more, errQuoted},
		"a long one that is not said again": {http.MethodPost, "/", "X-Own", more, nil},
		"a parameter as long":               {http.MethodGet, "/?encoding=" + most, "", "", nil},
		"a longer parameter":                {http.MethodGet, "/?encoding=" + more, "", "", errQuoted},
		"a long one of the handler's":       {http.MethodGet, "/?message=" + more, "", "", nil},
		"a parameter twice":                 {http.MethodGet, "/?encoding=json&encoding=json", "", "", errTwice},
		"two parameters":                    {http.MethodGet, "/?encoding=json&message=x", "", "", nil},
		"a query that cannot be read":       {http.MethodGet, "/?message=%zz", "", "", errQuery},
		"a query of a POST":                 {http.MethodPost, "/?encoding=json&encoding=" + more, "", "", nil},
		"a query of a POST, unreadable":     {http.MethodPost, "/?message=%zz", "", "", nil},
		"a GET with a long header":          {http.MethodGet, "/", "Connect-Timeout-Ms", more, errQuoted},
		"a GET with a header as it may be":  {http.MethodGet, "/", "Connect-Timeout-Ms", most, nil},
	} {
		request := httptest.NewRequest(test.method, test.target, nil)
		if test.header != "" {
			request.Header[test.header] = []string{"", test.value}
		}
		if got := malformedHead(request); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// A host has one spelling, in upper and lower case, and no port.
func TestNormalHost(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"azAZ09-_.x": "azaz09-_.x", "a.": "a", "a:80": "a", "a:": "a", "[::1]:80": "::1", "[::01]": "::1",
		"a..b": "", ".a": "", "a..": "", "a:8x": "", "a/b": "", "a{": "", "a`b": "", "a@b": "", "[::1": "", "[::1]x": "",
		"[::1%25a]": "", "[10.0.0.1]": "", "": "",
	} {
		if got := normalHost(header); got != want {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
	}
}
