package server

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
)

// What is being served is named in one order, while it is.
func TestWhatIsServed(t *testing.T) {
	t.Parallel()
	procedures := newMux([]connect.Method{
		{Spec: connect.Spec{Procedure: "/a.v1.S/C"}}, {Spec: connect.Spec{Procedure: "/a.v1.S/A"}}, {Spec: connect.Spec{Procedure: "/a.v1.S/B"}},
		{Spec: connect.Spec{Procedure: "/a.v1.S/Idle"}},
	}, []action.Action{{Procedure: "/a.v1.S/A", Schemes: []string{"session"}}})
	for _, name := range []string{"C", "A", "B"} {
		procedures["/a.v1.S/"+name].serving.Add(1)
	}
	for range 20 { // a map begins anywhere
		if got := strings.Join(procedures.serving(), " "); got != "/a.v1.S/A /a.v1.S/B /a.v1.S/C" {
			t.Fatalf("being served are %s", got)
		}
	}
	var none *procedure
	if none.private() || procedures["/a.v1.S/B"].private() || !procedures["/a.v1.S/A"].private() {
		t.Error("which answers are for one caller")
	}

	within := 0
	asked := &page{}
	list := pages{list: []*page{asked}}
	asked.Pattern = "/a"
	asked.handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { within = len(list.serving()) })
	if got := list.serving(); len(got) != 0 {
		t.Errorf("being served are %v", got)
	}
	for range 2 {
		asked.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/a", nil))
		if got := list.serving(); within != 1 || len(got) != 0 {
			t.Errorf("%d were being served, and then %v", within, got)
		}
	}
}

// A page has no pages of a service of the server beside it, and no redirects: what it does not
// serve is no one's.
func TestPagesFound(t *testing.T) {
	t.Parallel()
	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	list := func(patterns ...string) []*page {
		var pages []*page
		for _, pattern := range patterns {
			pages = append(pages, &page{UnguardedHandler: UnguardedHandler{Pattern: pattern, Reason: "it is a test"}, handler: nothing})
		}
		return pages
	}
	actions := []action.Action{{Procedure: "/a.v1.Service/Method"}}
	if _, errs := newPages(list("/a.v1.Service/Method"), actions); len(errs) != 1 {
		t.Errorf("in place of an action: %v", errs)
	}
	// A service without a package is no service by its name alone.
	if _, errs := newPages(list("/Service/Method"), []action.Action{{Procedure: "/Service/Other"}}); len(errs) != 1 {
		t.Errorf("in place of an action of a service without a package: %v", errs)
	}
	if _, errs := newPages(list("/Service/Method"), actions); len(errs) != 0 {
		t.Errorf("beside the actions: %v", errs)
	}
	if none, errs := newPages(nil, actions); len(errs) != 0 || none.mux != nil {
		t.Errorf("no pages: %v", errs)
	}
	found, errs := newPages(list("GET /healthz", "/files/"), actions)
	if len(errs) != 0 {
		t.Fatal(errs)
	}
	for target, want := range map[string]bool{
		"GET /healthz": true, "HEAD /healthz": true, "POST /healthz": true, // answered with 405
		"GET /files/": true, "GET /files/a": true, "GET /files": false, "GET /files/../x": false, "GET /other": false, "CONNECT /healthz": false,
	} {
		method, path, _ := strings.Cut(target, " ")
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.Method, request.URL.Path = method, path
		if got := found.find(request) != nil; got != want {
			t.Errorf("%s: found %t", target, got)
		}
	}
}

// refusing is a response writer that can do nothing but fail.
type refusing struct{ http.ResponseWriter }

func (refusing) FlushError() error                { return syscall.EPIPE }
func (refusing) SetReadDeadline(time.Time) error  { return syscall.EBADF }
func (refusing) SetWriteDeadline(time.Time) error { return syscall.EINVAL }

// A page learns what came of what it asks of its connection.
func TestPageWriter(t *testing.T) {
	t.Parallel()
	control := http.NewResponseController(pageWriter{refusing{httptest.NewRecorder()}})
	for want, err := range map[error]error{
		syscall.EPIPE: control.Flush(), syscall.EBADF: control.SetReadDeadline(time.Now()), syscall.EINVAL: control.SetWriteDeadline(time.Now()),
	} {
		if !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}

// What is read of texts, at the ends of what passes.
func TestTexts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"_": true, "azAZ": true, "a09": true, "0a": false, "": false, "a/": false, "a:": false, "a[": false, "a`": false, "a{": false, "a@": false} {
		if got := identifier(text); got != want {
			t.Errorf("%q names a method: %t", text, got)
		}
	}
	for text, want := range map[string][2]string{"a,b,c": {"a,b", "c"}, ",a": {"", "a"}, "a": {"", "a"}, "a,": {"a", ""}} {
		if before, after, found := cutLast(text, ","); before != want[0] || after != want[1] || found != strings.Contains(text, ",") {
			t.Errorf("%q: %q and %q, %t", text, before, after, found)
		}
	}
	for _, size := range []int{255, 256, 257} {
		text := strings.Repeat("x", size)
		want := text
		if size > 256 {
			want = text[:256] + "…"
		}
		if got := short(text); got != want {
			t.Errorf("%d bytes are shown as %q", size, got)
		}
	}
	for remote, want := range map[string]string{"10.0.0.1:80": "10.0.0.1", "10.0.0.1": "invalid IP", "@": "invalid IP"} {
		if got := remoteAddress(remote).String(); got != want {
			t.Errorf("%q: %s", remote, got)
		}
	}
	for port, elevated := range map[string]bool{"1023": true, "1024": false} {
		if err := listenError("127.0.0.1:"+port, syscall.EACCES); strings.Contains(err.Error(), "elevated") != elevated {
			t.Errorf("port %s: %v", port, err)
		}
	}
}

// The memory for pending calls has room for a few messages of the largest size.
func TestLeastPending(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		message int
		pending int64
		refused bool
	}{
		"the default":                   {4 << 20, 0, false},
		"the least":                     {1 << 20, leastPending, false},
		"less":                          {1 << 20, leastPending - 1, true},
		"for large messages":            {4 << 20, leastMessages * 4 << 20, false},
		"too little for large messages": {4 << 20, leastMessages*4<<20 - 1, true},
	} {
		limits := defaultLimits
		limits.messageBytes, limits.pendingBytes = test.message, test.pending
		if err := limits.check(); (err != nil) != test.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}
