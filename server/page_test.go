package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/server"
)

// saying answers with a text.
func saying(text string) http.Handler {
	return http.HandlerFunc(func(writer http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(writer, text) })
}

const reason = "it shows nothing of the users"

// A page is refused whose pattern could match the path of an action, and its nearest
// neighbour is served.
func TestPagePatterns(t *testing.T) {
	t.Parallel()
	const could, hosts, unclean = "which could be an action", "a pattern is a path that begins with a slash", "no request can match it"
	for pattern, want := range map[string]string{
		"/":              could,
		"GET /":          could,
		"/{$}":           "",
		"/{rest...}":     could,
		"/{one}":         "",
		"/{one}/":        could,
		"/{one}/{$}":     "",
		"/{one}/{two}":   could,
		"/{one}/status":  could,
		"/{one}/app.css": "",
		"/{a}/{b}/{c}":   "",
		"/{a}/{b}/":      "",
		"/{a}/{rest...}": could,

		"/demo.v1.AccountService/ListUsers":      could,
		"POST /demo.v1.AccountService/ListUsers": could,
		"/demo.v1.AccountService/Other":          could,
		"/demo.v1.AccountService/":               could,
		"/demo.v1.AccountService/{$}":            "",
		"/demo.v1.AccountService":                "",
		"/demo.v1.AccountService/{method}":       could,
		"/demo.v1.AccountService/a/b":            "",
		"/demo.v1.AccountService/app.css":        "",
		"/other.Service/Method":                  could,
		"/other.Service/":                        could,
		"/.well-known/openid-configuration":      "",
		"/healthz":                               "",
		"GET /healthz":                           "",
		"/assets/":                               "",
		"/assets/app":                            "", // a service without a package, which is not registered
		"/debug/pprof/":                          "",
		"/v1.json/x":                             could,
		"/v1.json":                               "",
		"/v1-json.x/y":                           "",

		"example.com/healthz": hosts,
		"example.com/":        hosts,
		"healthz":             hosts,
		"":                    hosts,
		"GET":                 hosts,
		"GET  ":               hosts,
		"GET example.com/x":   hosts,
		"CONNECT /x":          "the method CONNECT is not for pages",
		"/a/../healthz":       unclean,
		"//":                  unclean,
		"//healthz":           unclean,
		"/a//b":               unclean,
		"/a/.":                unclean,
		"/%61.b/c":            "a pattern is written without percent-encoding",
		"/a/{":                "bad wildcard segment",
		"/a/x{b}":             "bad wildcard segment",
		"/a/{b}/{b}":          "duplicate wildcard name",
		"G@T /healthz":        "invalid method",
		"/a/{$}/b":            "{$} not at end",
	} {
		registry, _ := newRegistry(t)
		if err := registerDirectory(registry, &directory{}); err != nil {
			t.Fatal(err)
		}
		srv, err := server.New(registry, server.WithUnguardedHandler(pattern, reason, saying("a page")))
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", pattern, err)
		case want == "" && !cmp.Equal(srv.Unguarded(), []server.UnguardedHandler{{Pattern: pattern, Reason: reason}}):
			t.Errorf("%q: listed as %v", pattern, srv.Unguarded())
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n")):
			t.Errorf("%q: %v", pattern, err)
		}
	}
}

func TestNewRefusesPages(t *testing.T) {
	t.Parallel()
	page := saying("a page")
	var none *http.ServeMux
	for name, test := range map[string]struct {
		options []server.Option
		want    []string
	}{
		"no reason":    {[]server.Option{server.WithUnguardedHandler("/healthz", "", page)}, []string{`server: unguarded handler "/healthz": a reason is required`}},
		"blank reason": {[]server.Option{server.WithUnguardedHandler("/healthz", " \t\n", page)}, []string{`server: unguarded handler "/healthz": a reason is required`}},
		"no handler":   {[]server.Option{server.WithUnguardedHandler("/healthz", reason, nil)}, []string{`server: unguarded handler "/healthz": the handler is nil`}},
		"nil pointer":  {[]server.Option{server.WithUnguardedHandler("/healthz", reason, none)}, []string{`server: unguarded handler "/healthz": the handler is nil`}},
		"nil function": {[]server.Option{server.WithUnguardedHandler("/healthz", reason, http.HandlerFunc(nil))}, []string{`server: unguarded handler "/healthz": the handler is nil`}},
		"one twice": {[]server.Option{server.WithUnguardedHandler("/healthz", reason, page), server.WithUnguardedHandler("/healthz", reason, page)},
			[]string{`server: unguarded handler: pattern "/healthz"`}},
		"two of one meaning": {[]server.Option{server.WithUnguardedHandler("/{a}/{b}/c", reason, page), server.WithUnguardedHandler("/{d}/{e}/c", reason, page)},
			[]string{`server: unguarded handler: pattern "/{d}/{e}/c"`}},
		"all at once": {[]server.Option{server.WithUnguardedHandler("/", "", page), server.WithUnguardedHandler("/x", "", page), server.WithLogger(nil)},
			[]string{"server: the logger is nil"}},
		"a nil option": {[]server.Option{nil}, []string{"server: option 1 is nil"}},
	} {
		registry, _ := newRegistry(t)
		srv, err := server.New(registry, test.options...)
		if srv != nil || err == nil {
			t.Errorf("%s: it was made", name)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// Actions and pages are found by their own paths, and nothing else is found.
func TestPagesBesideActions(t *testing.T) {
	t.Parallel()
	served := serve(t, &directory{name: "Ada"},
		server.WithUnguardedHandler("/{$}", reason, saying("home")),
		server.WithUnguardedHandler("GET /healthz", reason, saying("healthy")),
		server.WithUnguardedHandler("/assets/", reason, saying("assets")),
		server.WithUnguardedHandler("/users/{id}/card.html", reason, http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
			fmt.Fprintf(writer, "card of %s", request.PathValue("id"))
		})),
	)
	for _, test := range []struct {
		line   string
		status int
		body   string
	}{
		{"GET / HTTP/1.1", http.StatusOK, "home"},
		{"POST / HTTP/1.1", http.StatusOK, "home"},
		{"GET /healthz HTTP/1.1", http.StatusOK, "healthy"},
		{"GET /healthz?x=1 HTTP/1.1", http.StatusOK, "healthy"},
		{"HEAD /healthz HTTP/1.1", http.StatusOK, ""},
		{"POST /healthz HTTP/1.1", http.StatusMethodNotAllowed, "Method Not Allowed\n"},
		{"GET /assets/ HTTP/1.1", http.StatusOK, "assets"},
		{"GET /assets/a/b%20c.css HTTP/1.1", http.StatusOK, "assets"},
		{"GET /users/ada%20l/card.html HTTP/1.1", http.StatusOK, "card of ada l"},
		{"GET /users/ada%2Fl/card.html HTTP/1.1", http.StatusNotFound, "404 page not found\n"},
		{"GET /assets HTTP/1.1", http.StatusNotFound, "404 page not found\n"},
		{"GET /assets/../healthz HTTP/1.1", http.StatusNotFound, "404 page not found\n"},
		{"GET /assets/%2e%2e/healthz HTTP/1.1", http.StatusNotFound, "404 page not found\n"},
		{"GET /./healthz HTTP/1.1", http.StatusNotFound, "404 page not found\n"},
		{"GET //healthz HTTP/1.1", http.StatusNotFound, "404 page not found\n"},
		{"GET // HTTP/1.1", http.StatusNotFound, "404 page not found\n"},
		{"GET /%68ealthz HTTP/1.1", http.StatusNotFound, "404 page not found\n"},
		{"GET /healthz/ HTTP/1.1", http.StatusNotFound, "404 page not found\n"},
		{"GET /demo.v1.AccountService/Unknown HTTP/1.1", http.StatusNotFound, "404 page not found\n"},
		{"OPTIONS * HTTP/1.1", http.StatusNotFound, "404 page not found\n"},
	} {
		got := served.raw(t, test.line, "")
		if got.status != test.status || got.body != test.body || got.header.Get("Location") != "" {
			t.Errorf("%s: %+v", test.line, got)
		}
	}
	if got := <-served.call(t, curlPost, 1); got != (answer{name: "Ada"}) {
		t.Errorf("the action beside them: %+v", got)
	}
	if log := served.log.take(); !strings.Contains(log, `pattern="GET /healthz" reason="it shows nothing of the users"`) {
		t.Errorf("the log names no page: %s", log)
	}
}

// A page lives within the server's limits.
func TestPageLimits(t *testing.T) {
	t.Parallel()
	var hijacked error
	read := http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			http.Error(writer, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		fmt.Fprintf(writer, "%d bytes", len(body))
	})
	endless := http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		for request.Context().Err() == nil {
			if _, err := writer.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	})
	served := serve(t, &directory{}, server.WithMaxMessageBytes(1000), server.WithReadTimeout(fair), server.WithWriteTimeout(fair),
		server.WithUnguardedHandler("/read", reason, read),
		server.WithUnguardedHandler("/endless", reason, endless),
		server.WithUnguardedHandler("/panics", reason, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a secret") })),
		server.WithUnguardedHandler("/hijacks", reason, http.HandlerFunc(func(writer http.ResponseWriter, _ *http.Request) {
			_, _, hijacked = http.NewResponseController(writer).Hijack()
		})),
	)
	for _, major := range []int{1, 2} {
		client := served.client(t, major)
		for path, test := range map[string]struct {
			body   io.Reader
			status int
			answer string
		}{
			"/read":        {strings.NewReader(strings.Repeat("x", 1000)), http.StatusOK, "1000 bytes"},
			"/read?much":   {strings.NewReader(strings.Repeat("x", 2000)), http.StatusRequestEntityTooLarge, "http: request body too large\n"},
			"/read?slowly": {slowly{}, http.StatusRequestEntityTooLarge, ""},
			"/panics":      {nil, http.StatusInternalServerError, "internal error\n"},
		} {
			status, answer := served.send(t, client, path, test.body)
			if status != test.status || test.answer != "" && answer != test.answer {
				t.Errorf("HTTP/%d %s: %d %q", major, path, status, answer)
			}
		}
	}
	// A client that does not read.
	conn := served.dial(t)
	begin := time.Now()
	fmt.Fprint(conn, "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
	time.Sleep(2 * fair)
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > soon {
		t.Errorf("the answer did not end: %v", err)
	}
	served.raw(t, "GET /hijacks HTTP/1.1", "")
	if !errors.Is(hijacked, http.ErrNotSupported) {
		t.Errorf("hijacked: %v", hijacked)
	}
	if log := served.log.take(); !strings.Contains(log, "a value of type string") || strings.Contains(log, "a secret") {
		t.Errorf("logged %s", log)
	}
}

// slowly is a body that takes too long.
type slowly struct{}

func (slowly) Read(data []byte) (int, error) {
	time.Sleep(fair / 4)
	data[0] = 'x'
	return 1, nil
}

// A shutdown waits for a page, and names the one that it waited for in vain.
func TestShutdownWaitsForPages(t *testing.T) {
	t.Parallel()
	for leaves, timeout := range map[bool]time.Duration{true: long, false: 3 * short} {
		entered, leave := make(chan struct{}), make(chan struct{})
		served := serve(t, &directory{}, server.WithShutdownTimeout(timeout), server.WithUnguardedHandler("/report", reason,
			http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
				close(entered)
				select {
				case <-leave:
				case <-request.Context().Done():
				}
				_, _ = io.WriteString(writer, "a report")
			})))
		answered := make(chan reply, 1)
		go func() { answered <- served.raw(t, "GET /report HTTP/1.1", "") }()
		<-entered
		if leaves {
			time.AfterFunc(short, func() { close(leave) })
		}
		err := served.stop()
		if leaves && err != nil || !leaves && (err == nil || !strings.Contains(err.Error(), "did not finish within 600ms: /report")) {
			t.Errorf("leaves=%t: %v", leaves, err)
		}
		if got := <-answered; got.body != "a report" {
			t.Errorf("leaves=%t: %+v", leaves, got)
		}
	}
}
