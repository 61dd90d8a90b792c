package admin_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/server/health"
	"github.com/sallyport-rpc/sallyport/telemetry/admin"
)

type accounts struct {
	demov1action.AccountServiceHandler
}

type none struct{}

func (none) Authenticate(context.Context, *connect.CallInfo) (*authn.Principal, error) {
	return nil, authn.ErrNoCredential
}
func (none) ReportsAuthenticationTime() bool { return true }

func newRegistry(t *testing.T) *action.Registry {
	t.Helper()
	registry, err := action.NewRegistry(authn.Schemes{"session": none{}, "bearer": none{}, "apikey": none{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(demov1action.RegisterAccountService(registry, accounts{}), registry.Seal()); err != nil {
		t.Fatal(err)
	}
	return registry
}

// serve serves a panel on an address, until the function that it returns is called.
func serve(t *testing.T, address string, registry *action.Registry, options ...admin.Option) (url string, stop func()) {
	t.Helper()
	panel, err := admin.New(registry, append(options, admin.WithLogger(slog.New(slog.DiscardHandler)))...)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended, drained := make(chan error, 1), make(chan struct{})
	go func() {
		ended <- panel.Serve(ctx, listener, func(ctx context.Context) error {
			<-ctx.Done()
			<-drained
			return nil
		})
	}()
	t.Cleanup(func() {
		cancel()
		close(drained)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return "http://" + listener.Addr().String(), cancel
}

// get asks for a page, with headers.
func get(t *testing.T, url string, header ...string) (status int, body string, headers http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			request.Host = header[i+1]
		}
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text), response.Header
}

func TestPages(t *testing.T) {
	t.Parallel()
	registry := newRegistry(t)
	_, metrics, err := admin.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	checks, err := health.New(registry)
	if err != nil {
		t.Fatal(err)
	}
	url, stop := serve(t, "127.0.0.1:0", registry, admin.WithMetrics(metrics), admin.WithHealth(checks))
	for path, want := range map[string]string{
		"/":                       `<code>/demo.v1.AccountService/DeleteUser</code>`,
		"/metrics":                "go_goroutines",
		"/healthz":                "ok",
		"/readyz":                 "ok",
		"/build":                  "github.com/sallyport-rpc/sallyport",
		"/debug/pprof/":           "goroutine",
		"/debug/pprof/heap?gc=1":  "",
		"/debug/pprof/symbol?1":   "num_symbols",
		"/debug/pprof/goroutine?": "",
	} {
		status, body, header := get(t, url+path)
		if status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: got %d\n%s\nwant %q", path, status, body, want)
		}
		if header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: got header %v", path, header)
		}
	}
	if status, _, _ := get(t, url+"/nothing"); status != http.StatusNotFound {
		t.Errorf("a page that is not there: %d", status)
	}
	stop()
	if status, body, _ := get(t, url+"/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("while the server drains: %d %s", status, body)
	}
	if status, _, _ := get(t, url+"/healthz"); status != http.StatusOK {
		t.Errorf("while the server drains: %d", status)
	}
}

// TestStrangers refuses what the page of another site may have asked for.
func TestStrangers(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, "127.0.0.1:0", newRegistry(t), admin.WithHosts("admin.internal"))
	for _, test := range []struct {
		header []string
		want   int
	}{
		{nil, http.StatusOK},
		{[]string{"Host", "localhost:8081"}, http.StatusOK},
		{[]string{"Host", "[::1]:8081"}, http.StatusOK},
		{[]string{"Host", "10.0.0.7"}, http.StatusOK},
		{[]string{"Host", "ADMIN.internal."}, http.StatusOK},
		{[]string{"Host", "rebound.example"}, http.StatusMisdirectedRequest},
		{[]string{"Host", "localhost.example:80"}, http.StatusMisdirectedRequest},
		{[]string{"Sec-Fetch-Site", "same-origin"}, http.StatusOK},
		{[]string{"Sec-Fetch-Site", "none"}, http.StatusOK},
		{[]string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{[]string{"Sec-Fetch-Site", "same-site"}, http.StatusForbidden},
	} {
		if status, _, _ := get(t, url+"/debug/pprof/", test.header...); status != test.want {
			t.Errorf("%v: got %d, want %d", test.header, status, test.want)
		}
	}
}

// TestReachable leaves profiles out where other machines can reach the listener.
func TestReachable(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, "0.0.0.0:0", newRegistry(t))
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(url, "http://"))
	url = "http://127.0.0.1:" + port
	if status, _, _ := get(t, url+"/debug/pprof/"); status != http.StatusNotFound {
		t.Errorf("profiles: %d", status)
	}
	if status, body, _ := get(t, url+"/"); status != http.StatusOK || strings.Contains(body, "pprof") {
		t.Errorf("front page: %d %s", status, body)
	}
}

// TestRun says what is wrong before it serves.
func TestRun(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	panel, err := admin.New(newRegistry(t), admin.WithAddress(taken.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	err = panel.Run(t.Context(), func(context.Context) error {
		t.Error("the server ran")
		return nil
	})
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("got %v", err)
	}
	for name, option := range map[string]admin.Option{
		"nil option": nil, "address": admin.WithAddress("8081"), "host": admin.WithHosts("a:1"),
		"metrics": admin.WithMetrics(nil), "health": admin.WithHealth(nil), "logger": admin.WithLogger(nil),
	} {
		if _, err := admin.New(newRegistry(t), option); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
	if _, err := admin.New(nil); err == nil {
		t.Error("a nil registry was taken")
	}
}

// TestBrowser opens the front page in Chromium, which takes the page's style and finds
// nothing that its policy refuses.
func TestBrowser(t *testing.T) {
	t.Parallel()
	chromium := os.Getenv("CHROMIUM")
	if chromium == "" {
		t.Skip("CHROMIUM names no browser; `make browser` runs it")
	}
	registry := newRegistry(t)
	url, _ := serve(t, "127.0.0.1:0", registry)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	browser := exec.CommandContext(ctx, chromium,
		"--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync",
		"--user-data-dir="+t.TempDir(), "--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom", url+"/")
	browser.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it starts others
	browser.Cancel = func() error { return syscall.Kill(-browser.Process.Pid, syscall.SIGKILL) }
	browser.WaitDelay = 5 * time.Second
	var page, said bytes.Buffer
	browser.Stdout, browser.Stderr = &page, &said
	if err := browser.Run(); err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	for _, want := range []string{registry.Fingerprint(), "/demo.v1.AccountService/GetUser", "principal.id == request.user_id", `<tr class="anonymous">`} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if strings.Contains(said.String(), "Content Security Policy") {
		t.Errorf("the browser said:\n%s", said.String())
	}
}
