package browsertest_test

import (
	"context"
	_ "embed"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/server"
	"github.com/sallyport-rpc/sallyport/server/access"
)

//go:embed testdata/access.html
var accessPage []byte

// TestButtons opens a page whose script, in TypeScript, shows the buttons of what its caller
// may do.
func TestButtons(t *testing.T) {
	t.Parallel()
	chromium := os.Getenv("CHROMIUM")
	if chromium == "" {
		t.Skip("make browser runs this test, with Chromium")
	}
	url, accounts := serveAccess(t)
	for role, want := range map[string]string{
		"":        "unauthenticated: ",
		"member":  "shown: Sign up",
		"auditor": "shown: List users, Sign up",
		"admin":   "shown: List users, Make an auditor, Sign up",
	} {
		output := dom(t, chromium, url+"/app/?role="+role)
		found := regexp.MustCompile(`<output>([^<]*)</output>`).FindStringSubmatch(output)
		if len(found) != 2 || found[1] != want {
			t.Errorf("%q sees %q, want %q:\n%s", role, found, want, output)
		}
	}
	if ran := accounts.handled.Load(); ran > 0 {
		t.Errorf("handlers ran %d times", ran)
	}
}

// serveAccess serves the demo's accounts, what may be called of them, and the page.
func serveAccess(t *testing.T) (url string, served *accounts) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	served = &accounts{}
	schemes := authn.Schemes{"session": fresh{none}, "bearer": fresh{byRole}, "apikey": fresh{none}}
	registry, err := action.NewRegistry(schemes, action.WithRecorder(event.LogRecorder(log)))
	if err != nil {
		t.Fatal(err)
	}
	if err := demov1action.RegisterAccountService(registry, served); err != nil {
		t.Fatal(err)
	}
	err = access.Register(registry, `authenticate: {schemes: ["session", "bearer"]} authorize: {anyone: "a caller asks about its own calls"}`)
	if err != nil {
		t.Fatal(err)
	}
	script := compile(t, "testdata/access.ts")
	page := func(kind string, content []byte) http.Handler {
		return http.HandlerFunc(func(writer http.ResponseWriter, _ *http.Request) {
			writer.Header().Set("Content-Type", kind)
			_, _ = writer.Write(content)
		})
	}
	srv, err := server.New(registry, server.WithLogger(log),
		server.WithUnguardedHandler("GET /app/{$}", "the page shows nothing by itself", page("text/html; charset=utf-8", accessPage)),
		server.WithUnguardedHandler("GET /app/access.js", "the page's script", page("text/javascript; charset=utf-8", script)))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return "http://" + listener.Addr().String(), served
}

// compile compiles TypeScript for browsers.
func compile(t *testing.T, source string) []byte {
	t.Helper()
	tools, err := filepath.Abs("../../tools/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	script, err := exec.CommandContext(ctx, "go", "tool", "-modfile="+tools, "esbuild", "--target=es2022", source).Output()
	if err != nil {
		t.Fatalf("compile %s: %v", source, err)
	}
	return script
}

// dom is what a page has become once its script has run.
func dom(t *testing.T, chromium, url string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	browser := exec.CommandContext(ctx, chromium,
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(), "--virtual-time-budget=20000", "--dump-dom", url)
	browser.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it starts others
	browser.Cancel = func() error { return syscall.Kill(-browser.Process.Pid, syscall.SIGKILL) }
	browser.WaitDelay = 5 * time.Second
	output, err := browser.Output()
	if err != nil {
		t.Fatalf("%v:\n%s", err, output)
	}
	return string(output)
}
