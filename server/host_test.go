package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sallyport-rpc/sallyport/server"
)

func TestHosts(t *testing.T) {
	t.Parallel()
	served := serve(t, &directory{name: "Ada"},
		server.WithHosts("api.example", "LOCALHOST.", "127.0.0.1"), server.WithHosts("::1", "[2001:DB8::1]", "under_score"),
		server.WithUnguardedHandler("/healthz", reason, saying("healthy")))
	for host, answered := range map[string]bool{
		"api.example": true, "api.example:80": true, "api.example:8080": true, "api.example:": true,
		"API.Example": true, "api.example.": true, "api.example.:8080": true, "localhost": true, "under_score": true,
		"127.0.0.1": true, "127.0.0.1:1": true, "[::1]": true, "[::1]:8080": true, "[0:0:0:0:0:0:0:1]": true,
		"[2001:db8::1]": true, "[2001:DB8:0::1]:443": true,

		"": false, ".": false, ":8080": false, "other.example": false, "api.example.evil": false, "evil-api.example": false,
		"evil.api.example": false, "api.example..": false, "api.example:80:80": false, "api.example:8a": false, "::1": false,
		"[::1": false, "[::1]x": false, "[::1%25lo]": false, "[::ffff:127.0.0.1]": false, "[127.0.0.1]": false, "127.0.0.2": false,
		"127.1": false, "user@api.example": false, "api_example": false, "xapi.example": false, "[api.example]": false,
	} {
		for path, body := range map[string]string{listUsers: "{}", "/healthz": "", "/unknown": ""} {
			conn := served.dial(t)
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nX-Forwarded-Host: api.example\r\nConnection: close\r\n"+
				"Content-Type: application/json\r\nAuthorization: Bearer admin\r\nContent-Length: %d\r\n\r\n%s", path, host, len(body), body)
			var status int
			if _, err := fmt.Fscanf(conn, "HTTP/1.1 %d", &status); err != nil {
				t.Fatal(err)
			}
			// net/http refuses some of them by itself.
			if refused := status == http.StatusMisdirectedRequest || status == http.StatusBadRequest; refused == answered {
				t.Errorf("%s at %q: status %d", path, host, status)
			}
		}
	}
	if got := <-served.call(t, curlPost, 2); got.name != "Ada" {
		t.Errorf("HTTP/2: %+v", got)
	}
	served = serve(t, &directory{}, server.WithHosts("api.example")) // whose log is not thinned yet
	request, _ := http.NewRequest(http.MethodPost, served.url+listUsers, strings.NewReader("{}"))
	request.Host = "evil.example"
	if _, _, err := plainHTTP(served.client(t, 2), request, "Bearer admin"); err == nil || !strings.Contains(err.Error(), "421") {
		t.Errorf("HTTP/2 for another host: %v", err)
	}
	if events := served.takeRefused(); len(events) != 1 || events[0].Reason != "refused for its host, evil.example, with HTTP status 421" {
		t.Errorf("the events are %+v", events)
	}
}

// Without the option every host is answered.
func TestEveryHost(t *testing.T) {
	t.Parallel()
	served := serve(t, &directory{})
	if got := served.raw(t, "POST "+listUsers+" HTTP/1.1\r\nContent-Type: application/json\r\nAuthorization: Bearer admin", "{}"); got.status != http.StatusOK {
		t.Errorf("%+v", got)
	}
}

func TestNewRefusesHosts(t *testing.T) {
	t.Parallel()
	for _, host := range []string{
		"", ".", "*", "*.example", "api.example:80", "[::1]:80", "127.0.0.1:80", "https://api.example", "api.example/", "a b",
		"fe80::1%eth0", "b\u00fccher.example", "api..example", ".example", "user@api.example", "a:b",
	} {
		registry, _ := newRegistry(t)
		if _, err := server.New(registry, server.WithHosts("localhost", host)); err == nil || !strings.Contains(err.Error(), "is no host") {
			t.Errorf("%q: %v", host, err)
		}
	}
	registry, _ := newRegistry(t)
	if _, err := server.New(registry, server.WithHosts()); err == nil || err.Error() != "server: WithHosts names no host" {
		t.Errorf("no host: %v", err)
	}
}
