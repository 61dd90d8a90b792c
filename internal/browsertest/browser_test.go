package browsertest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/session"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/server"
)

// TestPages opens pages in Chromium that call a server in every way that a browser can.
// What they may do depends on their origin alone.
func TestPages(t *testing.T) {
	t.Parallel()
	chromium := os.Getenv("CHROMIUM")
	if chromium == "" {
		t.Skip("make browser runs this test, with Chromium")
	}
	named, trusted, stranger := newPage(t, "localhost"), newPage(t, "127.0.0.1"), newPage(t, "127.0.0.1")
	api := newAPI(t, []string{named.origin, trusted.origin}, trusted.origin)

	// What a page gets that may read the answers. Cookies are another matter.
	reads := map[string]string{
		"unary":                        "200 Ada",
		"denied":                       "403 permission_denied",
		"unauthenticated":              `401 unauthenticated Bearer realm="session"`,
		"GET":                          "200 Ada",
		"GET without a token":          "401 unauthenticated",
		"gRPC-Web":                     "200 Ada grpc-status: 0",
		"gRPC-Web denied":              "200 grpc-status 7",
		"Connect stream":               "200 3 messages as they came, then {}",
		"gRPC-Web stream":              "200 3 messages as they came, then grpc-status: 0",
		"no such procedure":            "404 unimplemented",
		"a header that is not allowed": "TypeError",
		"session":                      "sign-in 200, with the cookie 200, without 401",
	}
	withoutCookie := maps.Clone(reads)
	withoutCookie["session"] = "sign-in 200, with the cookie 401, without 401"
	nothing := map[string]string{}
	for name := range reads {
		nothing[name] = "TypeError" // as fetch says that the answer may not be read
	}
	visits := []visit{
		{"a named origin", named, "127.0.0.1", withoutCookie},
		{"a trusted origin", trusted, "127.0.0.1", reads},
		{"an origin that is not named", stranger, "127.0.0.1", nothing},
		{"a named origin, for a host that is not", named, "rebound.localhost", nothing},
	}
	reports := browse(t, chromium, api, visits)
	for i, visit := range visits {
		report, ok := reports[strconv.Itoa(i)]
		if !ok {
			t.Fatalf("%s: no report", visit.name)
		}
		if diff := cmp.Diff(visit.want, report.results); diff != "" {
			t.Errorf("%s: -want +got:\n%s", visit.name, diff)
		}
		if refused := visit.want["unary"] == "TypeError"; refused != (report.handled == 0) {
			t.Errorf("%s: handlers ran %d times", visit.name, report.handled)
		}
	}
}

// A visit is one opening of a page that calls the server by a host.
type visit struct {
	name string
	page *page
	host string
	want map[string]string
}

// A report is what came of a visit: the page's results, and how often handlers ran.
type report struct {
	results map[string]string
	handled int64
}

// A page is testdata/page.html at an origin of its own.
type page struct {
	origin string
	mux    *http.ServeMux
}

func newPage(t *testing.T, host string) *page {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /page.html", func(writer http.ResponseWriter, request *http.Request) {
		http.ServeFile(writer, request, "testdata/page.html")
	})
	served := httptest.NewServer(mux)
	t.Cleanup(served.Close)
	_, port, _ := net.SplitHostPort(served.Listener.Addr().String())
	return &page{"http://" + net.JoinHostPort(host, port), mux}
}

// browse visits pages one after the other in one browser, and returns their reports by
// number.
func browse(t *testing.T, chromium string, api *api, visits []visit) map[string]report {
	t.Helper()
	reports, done := map[string]report{}, make(chan struct{})
	at := func(i int) string {
		query := url.Values{"api": {"http://" + net.JoinHostPort(visits[i].host, api.port)}, "visit": {strconv.Itoa(i)}}
		return visits[i].page.origin + "/page.html?" + query.Encode()
	}
	results := func(writer http.ResponseWriter, request *http.Request) {
		var results map[string]string
		if err := json.NewDecoder(request.Body).Decode(&results); err != nil {
			t.Errorf("results: %v", err)
		}
		number := request.FormValue("visit")
		reports[number] = report{results, api.handled.Swap(0)}
		if i, _ := strconv.Atoi(number); i+1 < len(visits) {
			fmt.Fprint(writer, at(i+1))
		} else {
			close(done)
		}
	}
	mounted := map[*page]bool{}
	for _, visit := range visits {
		if !mounted[visit.page] {
			visit.page.mux.HandleFunc("POST /results", results)
			mounted[visit.page] = true
		}
	}

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var output strings.Builder
	browser := exec.CommandContext(ctx, chromium,
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(), "--enable-logging=stderr", at(0))
	browser.Stdout, browser.Stderr = &output, &output
	browser.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it starts others
	browser.Cancel = func() error { return syscall.Kill(-browser.Process.Pid, syscall.SIGKILL) }
	browser.WaitDelay = 5 * time.Second
	if err := browser.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
	cancel()
	if _ = browser.Wait(); t.Failed() || len(reports) < len(visits) {
		t.Logf("the browser said:\n%s", output.String())
	}
	return reports
}

// An api is a server of the demo's actions.
type api struct {
	*accounts

	port string
}

func newAPI(t *testing.T, origins []string, trusted string) *api {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	sessions, err := session.New(memstore.NewWithCleanupInterval(0), func(context.Context, string) (authn.Details, error) {
		return authn.Details{Unscoped: true, Roles: []string{"member"}}, nil
	}, session.UnsafeWithoutSecure(), session.WithTrustedOrigins(trusted), session.WithLogger(log))
	if err != nil {
		t.Fatal(err)
	}
	schemes := authn.Schemes{"session": sessions, "bearer": fresh{byRole}, "apikey": fresh{none}}
	registry, err := action.NewRegistry(schemes, action.WithRecorder(event.LogRecorder(log)))
	if err != nil {
		t.Fatal(err)
	}
	accounts := &accounts{sessions: sessions}
	if err := demov1action.RegisterAccountService(registry, accounts); err != nil {
		t.Fatal(err)
	}
	srv, err := server.New(registry, server.WithLogger(log), server.WithHosts("127.0.0.1"),
		server.WithCORS(server.CORS{Origins: origins, Credentials: true}))
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
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return &api{accounts, port}
}

// fresh is an authenticator that knows when a caller authenticated.
type fresh struct{ authn.AuthenticatorFunc }

func (fresh) ReportsAuthenticationTime() bool { return true }

// byRole takes "Authorization: Bearer ROLE" for a caller with that role.
func byRole(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	role, ok := strings.CutPrefix(call.RequestHeader().Get("Authorization"), "Bearer ")
	if !ok {
		return nil, authn.ErrNoCredential
	}
	return authn.NewPrincipal("the-"+role, authn.Details{Unscoped: true, Roles: []string{role}, AuthenticatedAt: time.Now()}), nil
}

func none(context.Context, *connect.CallInfo) (*authn.Principal, error) {
	return nil, authn.ErrNoCredential
}
