package demo

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// healthOf returns the demo's health page.
func healthOf(t *testing.T, demo *program) (status int, page string) {
	t.Helper()
	return get(t, demo.url+"/healthz", "")
}

// get sends a GET request, to another host if one is given.
func get(t *testing.T, url, host string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestHealth(t *testing.T) {
	t.Parallel()
	works := func(context.Context) error { return nil }
	fails := func(context.Context) error { return errors.New("a secret") }
	for name, test := range map[string]struct {
		components []component
		status     int
		body       string
	}{
		"all work":           {[]component{{"a", works, "down", true}, {"b", works, "down", false}}, 200, "a: ok\nb: ok\n"},
		"one fails":          {[]component{{"a", works, "down", true}, {"b", fails, "is down", false}}, 200, "a: ok\nb: is down\n"},
		"a required one too": {[]component{{"a", fails, "is down", true}, {"b", works, "", false}}, 503, "a: is down\nb: ok\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recorder := httptest.NewRecorder()
			healthPage(test.components).ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/healthz", nil))
			if recorder.Code != test.status || recorder.Body.String() != test.body {
				t.Errorf("got %d %q", recorder.Code, recorder.Body)
			}
		})
	}
}

// TestHosts sends requests for other hosts, as a page that rebinds its name would.
func TestHosts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		arguments []string
		host      string
		status    int
	}{
		"this machine":             {nil, "", http.StatusOK},
		"this machine's name":      {nil, "localhost", http.StatusOK},
		"a stranger's name":        {nil, "evil.example", http.StatusMisdirectedRequest},
		"a name that is given":     {[]string{"-hosts", "demo.example,other.example"}, "other.example:80", http.StatusOK},
		"beside one that is given": {[]string{"-hosts", "demo.example"}, "evil.example", http.StatusMisdirectedRequest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			demo := start(t, append([]string{"-addr", "127.0.0.1:0", "-db", ":memory:"}, test.arguments...)...)
			if status, body := get(t, demo.url+"/healthz", test.host); status != test.status {
				t.Errorf("got %d %s", status, body)
			}
		})
	}
}
