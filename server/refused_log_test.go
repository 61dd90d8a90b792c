package server_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/server"
)

// Each call that is refused leaves exactly one line, before a gate and at it, and the
// server's own logger adds none. Its nearest neighbour, which is let in, leaves two.
func TestOneLineForEachRefusal(t *testing.T) {
	t.Parallel()
	const json = "\r\nContent-Type: application/json"
	admin, member := "\r\nAuthorization: Bearer admin", "\r\nAuthorization: Bearer member"
	never := server.WithInterceptors(func(connect.ServerFunc) connect.ServerFunc {
		return func(context.Context, connect.Spec, connect.ServerStream) error {
			return connect.NewError(connect.CodeUnavailable, "too busy")
		}
	})
	hosts := server.WithHosts("api.example")
	for name, test := range map[string]struct {
		head, body string
		option     server.Option
		want       []string // what each line has
	}{
		"a path that is not there": {"POST /a.B/C HTTP/1.1" + json + admin, "{}", nil, []string{"msg=refused", "procedure=/a.B/C", "code=unimplemented", "status 404"}},
		"a page that is not there": {"GET /healthz HTTP/1.1", "", nil, []string{"msg=refused", "procedure=/healthz", "status 404"}},
		"a content type":           {"POST " + listUsers + " HTTP/1.1\r\nContent-Type: text/plain" + admin, "{}", nil, []string{"msg=refused", "procedure=" + listUsers, "status 415"}},
		"a method":                 {"PUT " + listUsers + " HTTP/1.1" + json + admin, "{}", nil, []string{"msg=refused", "code=unimplemented", "status 405"}},
		"a host":                   {"POST " + listUsers + " HTTP/1.1" + json + admin, "{}", hosts, []string{"msg=refused", "refused for its host", "status 421"}},
		"an interceptor":           {"POST " + listUsers + " HTTP/1.1" + json + admin, "{}", never, []string{"msg=refused", "ended by an interceptor", "code=unavailable"}},
		"no JSON":                  {"POST " + listUsers + " HTTP/1.1" + json + admin, "{", nil, []string{"msg=decided", "stage=decode", "code=invalid_argument"}},
		"a rule":                   {"POST " + listUsers + " HTTP/1.1" + json + admin, `{"pageSize": -1}`, nil, []string{"msg=decided", "stage=validate", "code=invalid_argument"}},
		"no credential":            {"POST " + listUsers + " HTTP/1.1" + json, "{}", nil, []string{"msg=decided", "stage=authenticate", "code=unauthenticated"}},
		"no grant":                 {"POST " + listUsers + " HTTP/1.1" + json + member, "{}", nil, []string{"msg=decided", "stage=authorize", "code=permission_denied"}},
		"let in":                   {"POST " + listUsers + " HTTP/1.1" + json + admin, "{}", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events := &lines{}
			logger := slog.New(slog.NewTextHandler(events, &slog.HandlerOptions{Level: slog.LevelDebug}))
			registry, err := action.NewRegistry(schemes(), action.WithRecorder(event.LogRecorder(logger)))
			if err != nil {
				t.Fatal(err)
			}
			var options []server.Option
			if test.option != nil {
				options = append(options, test.option)
			}
			served := registerAndStart(t, registry, &directory{}, options...)
			served.raw(t, test.head, test.body)
			if err := served.stop(); err != nil { // the end of a call follows its answer
				t.Fatal(err)
			}
			log := events.take()
			wantLines, wantHandled := 1, int64(0)
			if test.want == nil {
				wantLines, wantHandled = 2, 1
			}
			if got := strings.Count(log, "\n"); got != wantLines || served.handled.Load() != wantHandled {
				t.Errorf("%d lines, want %d, and the handler ran %d times:\n%s", got, wantLines, served.handled.Load(), log)
			}
			for _, want := range test.want {
				if !strings.Contains(log, want) {
					t.Errorf("no %q in the line:\n%s", want, log)
				}
			}
			if own := served.log.take(); strings.Contains(own, "procedure=") || strings.Contains(own, "refused") {
				t.Errorf("the server logs it as well:\n%s", own)
			}
			if strings.Contains(log, "Bearer") {
				t.Errorf("the credential is in the log:\n%s", log)
			}
		})
	}
}
