package demo

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// TestWatched runs the demo with its admin pages and a collector.
func TestWatched(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	sent := map[string]int{}
	collector := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		mu.Lock()
		defer mu.Unlock()
		sent[request.URL.Path] += len(body)
		writer.Header().Set("Content-Type", "application/x-protobuf")
	}))
	defer collector.Close()
	demo := start(t, "-addr", "127.0.0.1:0", "-admin", "127.0.0.1:0", "-otlp", collector.URL, "-audit", filepath.Join(t.TempDir(), "audit.db"))
	var at []string
	for deadline := time.Now().Add(20 * time.Second); at == nil; time.Sleep(10 * time.Millisecond) {
		at = regexp.MustCompile(`msg="serving the admin pages" address=(\S+) profiles=true`).FindStringSubmatch(demo.log.String())
		if time.Now().After(deadline) {
			t.Fatalf("there are no admin pages: %s", demo.log)
		}
	}
	if _, err := demo.client(t, "").ListUsers(t.Context(), &demov1.ListUsersRequest{}); err == nil {
		t.Fatal("a stranger was let in")
	}
	page := func(path string) (int, string) {
		response, err := http.Get("http://" + at[1] + path)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(body)
	}
	for path, want := range map[string]string{
		"/":        "/demo.v1.AccountService/DeleteUser",
		"/healthz": "ok",
		"/readyz":  "ok",
		"/metrics": `sallyport_decisions_total{code="unauthenticated",grant="",kind="decided",outcome="deny",rpc_method="demo.v1.AccountService/ListUsers",stage="authenticate"} 1`,
	} {
		if status, body := page(path); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: got %d\n%s", path, status, body)
		}
	}
	if _, body := page("/metrics"); !regexp.MustCompile(`(?m)^sallyport_audit_checkpoints_total\{log="calls"} [1-9]`).MatchString(body) {
		t.Errorf("there is no checkpoint of the audit log in\n%s", body)
	}
	if err := demo.end(t, syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, path := range []string{"/v1/traces", "/v1/metrics"} {
		if sent[path] == 0 {
			t.Errorf("the collector got nothing at %s: %v", path, sent)
		}
	}
}
