package server

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
)

// kept are events. One request at a time leaves them.
type kept struct{ events []*event.Event }

func (k *kept) Enabled(context.Context, event.Kind, event.Outcome) bool { return true }

func (k *kept) Record(_ context.Context, e *event.Event) error {
	k.events = append(k.events, e)
	return nil
}

// A panic around the gates is answered and logged without a word of the request,
// and the process goes on.
func TestPanic(t *testing.T) {
	t.Parallel()
	const secret = "a secret of the request"
	tests := []struct {
		name, kind string
		handle     http.HandlerFunc
		// answered is whether there is an answer, logged what the log says.
		answered bool
		logged   string
	}{
		{"text", "application/json", func(http.ResponseWriter, *http.Request) { panic(secret) }, true, "a value of type string"},
		{"gRPC", "application/grpc", func(http.ResponseWriter, *http.Request) { panic(secret) }, true, "a value of type string"},
		{"of the runtime", "application/json", func(_ http.ResponseWriter, r *http.Request) { _ = r.Header["X"][1] }, true, "index out of range"},
		{"with a header prepared", "application/json", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			panic(secret)
		}, true, "a value of type string"},
		{"in the answer", "application/json", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "{")
			panic(secret)
		}, false, "a value of type string"},
		{"on purpose", "application/json", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			kept := &kept{}
			registry, err := action.NewRegistry(nil, action.WithRecorder(kept))
			if err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			server, err := New(registry, WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
			if err != nil {
				t.Fatal(err)
			}
			server.procedures["/p"] = &procedure{name: "/p", handler: test.handle}
			http := httptest.NewServer(server.Handler())
			var body []byte
			response, err := http.Client().Post(http.URL+"/p", test.kind, strings.NewReader("{}"))
			if err == nil {
				body, err = io.ReadAll(response.Body)
				response.Body.Close()
			}
			http.Close() // and with it the log
			if test.answered != (err == nil) {
				t.Errorf("got %v", err)
			}
			if test.answered && err == nil {
				answer := string(body) + response.Trailer.Get("Grpc-Message")
				if !strings.Contains(answer, "internal error") || response.Header.Get("Content-Encoding") != "" {
					t.Errorf("answered %q with header %v", answer, response.Header)
				}
			}
			if got := log.String(); strings.Contains(got, secret) || !strings.Contains(got, test.logged) || (test.logged == "") != (got == "") {
				t.Errorf("the log says %q", got)
			}
			if test.logged != "" && (len(kept.events) != 1 || kept.events[0].Kind != event.Refused || kept.events[0].Code != connect.CodeInternal ||
				!strings.Contains(kept.events[0].Reason, "panic")) || test.logged == "" && len(kept.events) > 0 {
				t.Errorf("recorded %+v", kept.events)
			}
			if got := server.procedures.serving(); got != nil {
				t.Errorf("%v is still being served", got)
			}
		})
	}
}
