package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
)

// An exchange is a response that begins once, with what its status and its call ask for. One
// that says of itself what it is, and one of a page, stays as it is.
func TestResponseBegins(t *testing.T) {
	t.Parallel()
	type asked = func(*exchange)
	get := func(x *exchange) { x.get = true }
	private := func(x *exchange) { x.get, x.private = true, true }
	page := func(x *exchange) { x.page, x.get = true, true }
	of := func(name, value string) asked { return func(x *exchange) { x.Header().Set(name, value) } }
	for name, test := range map[string]struct {
		status  int
		asked   []asked
		body    string
		headers map[string]string // "" is that there is none
	}{
		"a method": {405, []asked{of("Allow", "POST")}, "method not allowed: use POST\n", map[string]string{
			"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff",
		}},
		"a type":                    {415, []asked{of("Accept-Post", "application/json")}, "unsupported content type: use application/json\n", nil},
		"a GET without its message": {415, []asked{get}, "a GET request has no body: its message is in the query, such as ?connect=v1&encoding=json&message=%7B%7D\n", nil},
		"a version":                 {505, nil, "streams in both directions need HTTP/2\n", nil},
		"another status":            {404, nil, "", map[string]string{"Content-Type": "", "X-Content-Type-Options": ""}},
		"a method that said it":     {405, []asked{of("Content-Type", "application/json")}, "", map[string]string{"Content-Type": "application/json", "X-Content-Type-Options": ""}},
		"a method of a page":        {405, []asked{page}, "", map[string]string{"Content-Type": "", "X-Content-Type-Options": "", "Cache-Control": ""}},
		"a GET":                     {200, []asked{get}, "", map[string]string{"Cache-Control": "no-store"}},
		"a GET that may be kept":    {200, []asked{get, of("Cache-Control", "max-age=60")}, "", map[string]string{"Cache-Control": "max-age=60"}},
		"a GET for one caller":      {200, []asked{private, of("Cache-Control", "public, max-age=60")}, "", map[string]string{"Cache-Control": "private, max-age=60"}},
		"a POST":                    {200, nil, "", map[string]string{"Cache-Control": "", "Connection": "", "Retry-After": ""}},
		"a connection that ends":    {200, []asked{func(x *exchange) { x.CloseAfterAnswer() }}, "", map[string]string{"Connection": "close"}},
		"a call that has no room":   {429, []asked{func(x *exchange) { x.charge.shed = true }}, "", map[string]string{"Retry-After": retryAfter}},
		"a call that has no turn":   {429, []asked{func(x *exchange) { x.turn.refused = true }}, "", map[string]string{"Retry-After": retryAfter}},
		"a principal with too much": {429, []asked{func(x *exchange) { x.account.shed = true }}, "", map[string]string{"Retry-After": ""}},
	} {
		written := httptest.NewRecorder()
		response := &exchange{ResponseWriter: written}
		for _, ask := range test.asked {
			ask(response)
		}
		response.WriteHeader(test.status)
		if written.Code != test.status || response.status != test.status || written.Body.String() != test.body {
			t.Errorf("%s: status %d and %q, want %d and %q", name, written.Code, written.Body, test.status, test.body)
		}
		for header, want := range test.headers {
			if got := strings.Join(written.Header().Values(header), "; "); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
	}
}

// A hinted response may say something on the way, which the recorder takes for the response.
type hinted struct{ *httptest.ResponseRecorder }

func (h hinted) WriteHeader(status int) {
	if status >= http.StatusOK {
		h.ResponseRecorder.WriteHeader(status)
	}
}

// What is said on the way to a response does not begin it, and it begins once.
func TestResponseBeginsOnce(t *testing.T) {
	t.Parallel()
	written := hinted{httptest.NewRecorder()}
	response := &exchange{ResponseWriter: written, get: true}
	response.WriteHeader(http.StatusEarlyHints)
	if response.status != 0 || written.Header().Get("Cache-Control") != "" {
		t.Errorf("it has begun with status %d", response.status)
	}
	if _, err := io.WriteString(response, "x"); err != nil || response.status != http.StatusOK {
		t.Errorf("it has begun with status %d: %v", response.status, err)
	}
	response.WriteHeader(http.StatusMethodNotAllowed)
	if response.status != http.StatusOK || written.Body.String() != "x" {
		t.Errorf("it has begun again: status %d and %q", response.status, written.Body)
	}
	flushed := &exchange{ResponseWriter: httptest.NewRecorder()}
	flushed.Flush()
	if flushed.status != http.StatusOK {
		t.Errorf("flushed, it has begun with status %d", flushed.status)
	}
}

// A call takes one turn, however often it is asked for one, and knows where there was none.
func TestTurns(t *testing.T) {
	t.Parallel()
	limit := newRunning(2)
	turns := []*turn{{running: limit}, {running: limit}, {running: limit}}
	for i, want := range []error{nil, nil, errOverloaded} {
		for range 2 {
			if err := turns[i].take(); !errors.Is(err, want) || (err == nil) != (want == nil) {
				t.Errorf("turn %d: %v", i, err)
			}
		}
		if turns[i].refused != (want != nil) || limit.calls.Load() != int64(min(i+1, 2)) {
			t.Errorf("turn %d: refused %t, and %d run", i, turns[i].refused, limit.calls.Load())
		}
	}
	for range 2 {
		turns[0].end()
		turns[2].end()
	}
	if err := turns[2].take(); err != nil || limit.calls.Load() != 2 {
		t.Errorf("once one has ended: %v, and %d run", err, limit.calls.Load())
	}
}

// A call that ends gives its turn and its memory back, also one that was not answered.
func TestExchangeEnds(t *testing.T) {
	t.Parallel()
	limit := newRunning(1)
	call := &exchange{ResponseWriter: httptest.NewRecorder()}
	call.turn.running, call.charge.budget = limit, newBudget(1<<20)
	if err := errors.Join(call.turn.take(), call.charge.begin(0)); err != nil {
		t.Fatal(err)
	}
	if !limit.full() || call.charge.budget.used == 0 {
		t.Fatalf("%d run, and %d bytes are held", limit.calls.Load(), call.charge.budget.used)
	}
	for range 2 {
		call.end()
		if limit.calls.Load() != 0 || call.charge.budget.used != 0 {
			t.Errorf("%d run, and %d bytes are held", limit.calls.Load(), call.charge.budget.used)
		}
	}
}

// A call knows its connection, and leaves its body where a front door may.
func TestExchangeBegins(t *testing.T) {
	t.Parallel()
	for _, door := range []bool{false, true} {
		settings := &settings{limits: defaultLimits, frontDoor: door, budget: newBudget(1 << 20)}
		request := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("x"))
		begun, within := settings.begin(httptest.NewRecorder(), request, &procedure{})
		if begun.peer.Connection != begun || (begun.unread != nil) != door || incomingFrom(within.Context()) != &begun.incoming {
			t.Errorf("front door %t: of connection %v, left %t", door, begun.peer.Connection, begun.unread != nil)
		}
		if text, err := io.ReadAll(within.Body); string(text) != "x" || err != nil {
			t.Errorf("front door %t: read %q, %v", door, text, err)
		}
	}
}

// closed is a body that notes that it was closed.
type closed struct {
	io.Reader

	times int
}

func (c *closed) Close() error {
	c.times++
	return io.ErrUnexpectedEOF
}

// What a front door refuses on HTTP/1 stays unread, and its connection ends. What it lets in
// is read as without it.
func TestBodyAtDoor(t *testing.T) {
	t.Parallel()
	refused := errors.New("a stranger")
	for name, test := range map[string]struct {
		major int
		none  bool // the request has no body
		door  error
		left  bool
	}{
		"refused on HTTP/1":                 {1, false, refused, true},
		"refused on HTTP/1, without a body": {1, true, refused, false},
		"refused on HTTP/2":                 {2, false, refused, false},
		"let in on HTTP/1":                  {1, false, nil, false},
		"let in on HTTP/2":                  {2, false, nil, false},
	} {
		body := &closed{Reader: strings.NewReader("x")}
		request := httptest.NewRequest(http.MethodPost, "/", nil)
		request.ProtoMajor, request.Body = test.major, body
		if test.none {
			request.Body = http.NoBody
		}
		response := &exchange{ResponseWriter: httptest.NewRecorder()}
		response.exchange = response
		response.keepUnread(request)
		ran := false
		door := answerAtDoor(func(next connect.ServerFunc) connect.ServerFunc {
			return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
				if test.door != nil {
					return test.door
				}
				return next(ctx, spec, stream)
			}
		})
		err := door(func(context.Context, connect.Spec, connect.ServerStream) error {
			ran = true
			return nil
		})(context.WithValue(t.Context(), incomingKey{}, &response.incoming), connect.Spec{}, nil)
		if !errors.Is(err, test.door) || ran != (test.door == nil) || response.entered != ran {
			t.Errorf("%s: %v, and the next ran: %t", name, err, ran)
		}
		if ends := response.Header().Get("Connection") == "close"; ends != test.left {
			t.Errorf("%s: the connection ends: %t", name, ends)
		}
		err = request.Body.Close()
		if test.none {
			continue
		}
		if test.left && (err != nil || body.times != 0) || !test.left && (!errors.Is(err, io.ErrUnexpectedEOF) || body.times != 1) {
			t.Errorf("%s: closed %d times, with %v", name, body.times, err)
		}
	}
	// A request that did not come by net/http, or by the server, has no body to leave.
	door := answerAtDoor(func(connect.ServerFunc) connect.ServerFunc {
		return func(context.Context, connect.Spec, connect.ServerStream) error { return refused }
	})(nil)
	for name, ctx := range map[string]context.Context{
		"by another listener": context.WithValue(t.Context(), incomingKey{}, &incoming{}),
		"by no server":        t.Context(),
	} {
		if err := door(ctx, connect.Spec{}, nil); !errors.Is(err, refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	without := httptest.NewRequest(http.MethodPost, "/", nil)
	without.Body = nil
	response := &exchange{ResponseWriter: httptest.NewRecorder()}
	if response.keepUnread(without); response.unread != nil || without.Body != nil {
		t.Error("a request without a body has one to leave")
	}
}

// What CORS is set up with, and what it answers itself.
func TestNamesAndPreflights(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"azAZ09": true, "!#$%&'*+-.^_`|~": true, "": false, "a b": false, "a:b": false, "a/b": false, "a[b": false,
		"a{b": false, "a@b": false, "é": false, "a\x00": false, "(": false, "a\x7f": false, `"`: false,
	} {
		if got := token(text); got != want {
			t.Errorf("%q is a token: %t", text, got)
		}
	}
	for name, test := range map[string]struct {
		method, asks string
		want         bool
	}{
		"a preflight":            {http.MethodOptions, "POST", true},
		"OPTIONS and no more":    {http.MethodOptions, "", false},
		"a call that asks it to": {http.MethodPost, "POST", false},
		"a call":                 {http.MethodPost, "", false},
	} {
		request := httptest.NewRequest(test.method, "/", nil)
		if test.asks != "" {
			request.Header.Set("Access-Control-Request-Method", test.asks)
		}
		if got := preflight(request); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
