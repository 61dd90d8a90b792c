package action_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
)

// lines logs as JSON and gives back what was logged, a line each.
type lines struct{ bytes.Buffer }

func (l *lines) recorder(level slog.Level) action.RegistryOption {
	return action.WithRecorder(action.LogRecorder(slog.New(slog.NewJSONHandler(&l.Buffer, &slog.HandlerOptions{Level: level}))))
}

func (l *lines) take(t *testing.T) []map[string]any {
	t.Helper()
	var all []map[string]any
	for text := range strings.Lines(l.String()) {
		line := map[string]any{}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		delete(line, "time")
		all = append(all, line)
	}
	l.Reset()
	return all
}

// TestLogRecorder reads the log of a call of every level.
func TestLogRecorder(t *testing.T) {
	t.Parallel()
	var log lines
	house := newHouse(t, log.recorder(slog.LevelDebug))
	allowed := map[string]any{
		"level": "DEBUG", "msg": "decision", "procedure": unary("Several"), "stage": "handle", "outcome": "allow",
		"principal": "alice", "scheme": "session", "grant": "allow[0]", "duration": float64(0),
	}
	failed := map[string]any{
		"level": "ERROR", "msg": "decision", "procedure": unary("Several"), "stage": "handle", "outcome": "allow",
		"principal": "alice", "scheme": "session", "grant": "allow[0]", "duration": float64(0),
		"code": "internal", "reason": "the handler failed", "error": "the handler returned no response and no error",
	}
	for _, test := range []struct {
		name   string
		answer error
		unary  func(context.Context, *call) (*testv1.Response, error)
		as     string
		want   []map[string]any
	}{
		{name: "an allow at debug", as: "alice", want: []map[string]any{allowed}},
		{
			name: "a denial at info", as: "reader",
			want: []map[string]any{{
				"level": "INFO", "msg": "decision", "procedure": unary("Several"), "stage": "authorize", "outcome": "deny",
				"principal": "reader", "scheme": "session", "grant": "", "duration": float64(0),
				"code": "permission_denied", "reason": "no grant holds",
				"grants": `allow[0]: any_role owner: the principal has no role; ` +
					`allow[1]: all_scopes items.admin: the principal lacks items.admin; ` +
					`allow[2]: cel principal.id == request.owner: principal.id is "reader", request.owner is "alice"`,
			}},
		},
		{
			name: "a denial without a principal at info", answer: authn.InvalidCredential("unknown session"),
			want: []map[string]any{{
				"level": "INFO", "msg": "decision", "procedure": unary("Several"), "stage": "authenticate", "outcome": "deny",
				"principal": "", "scheme": "", "grant": "", "duration": float64(0),
				"code": "unauthenticated", "reason": "session: invalid credential: unknown session",
			}},
		},
		{
			name: "a fault at error", answer: errors.New("no such table"),
			want: []map[string]any{{
				"level": "ERROR", "msg": "decision", "procedure": unary("Several"), "stage": "authenticate", "outcome": "deny",
				"principal": "", "scheme": "", "grant": "", "duration": float64(0),
				"code": "internal", "reason": "session: a fault", "error": "no such table",
			}},
		},
		{
			name: "a handler's fault at error", as: "alice", want: []map[string]any{allowed, failed},
			unary: func(context.Context, *call) (*testv1.Response, error) {
				var nothing *testv1.Response
				return nothing, nil
			},
		},
	} {
		house.alone(t, test.name, func(t *testing.T) {
			house.hands.unary = test.unary
			house.session.answer = answers(people[test.as], test.answer)
			house.ask(t.Context(), house.ways[0], unary("Several"), "", secretive())
			if diff := cmp.Diff(test.want, log.take(t)); diff != "" {
				t.Errorf("the log (-want +got):\n%s", diff)
			}
		})
	}
}

// TestLogRecorderLevels has loggers that leave out some of it.
func TestLogRecorderLevels(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		level       slog.Level
		allow, deny bool // whether a decision is made at all
		logged      int  // of an allow, a denial, a fault and a handler's fault
	}{
		{slog.LevelDebug, true, true, 5},
		{slog.LevelInfo, false, true, 3},
		{slog.LevelWarn, false, true, 2},
		{slog.LevelError, false, true, 2},
		{slog.LevelError + 1, false, false, 0},
	} {
		t.Run(test.level.String(), func(t *testing.T) {
			t.Parallel()
			var log lines
			recorder := action.LogRecorder(slog.New(slog.NewJSONHandler(&log.Buffer, &slog.HandlerOptions{Level: test.level})))
			if got := recorder.Enabled(t.Context(), action.Allow); got != test.allow {
				t.Errorf("allows are kept: %t, want %t", got, test.allow)
			}
			if got := recorder.Enabled(t.Context(), action.Deny); got != test.deny {
				t.Errorf("denials are kept: %t, want %t", got, test.deny)
			}
			house := newHouse(t, action.WithRecorder(recorder))
			ask := func(principal *authn.Principal, err error) {
				house.session.answer = answers(principal, err)
				house.ask(t.Context(), house.ways[0], unary("Role"), "", owned("alice"))
			}
			ask(people["alice"], nil)
			ask(people["nobody"], nil)
			ask(nil, errors.New("no such table"))
			house.hands.unary = func(context.Context, *call) (*testv1.Response, error) { panic("a handler's own") }
			ask(people["alice"], nil)
			if got := log.take(t); len(got) != test.logged {
				t.Errorf("%d lines are logged, want %d: %v", len(got), test.logged, got)
			}
		})
	}
}

// TestDefaultRecorder changes the default logger after the registry was made. It
// cannot run beside others.
func TestDefaultRecorder(t *testing.T) { //nolint:paralleltest // it changes what the process has one of
	var log lines
	recorder := action.LogRecorder(nil)
	before := slog.Default()
	defer slog.SetDefault(before)
	slog.SetDefault(slog.New(slog.NewJSONHandler(&log.Buffer, nil)))
	recorder.Record(t.Context(), action.Decision{})
	want := []map[string]any{{
		"level": "INFO", "msg": "decision", "procedure": "", "stage": "decode", "outcome": "deny",
		"principal": "", "scheme": "", "grant": "", "duration": float64(0),
	}}
	if diff := cmp.Diff(want, log.take(t)); diff != "" {
		t.Errorf("the log of a zero decision (-want +got):\n%s", diff)
	}
}

// A miser keeps no decision, or only those of one outcome.
type miser struct {
	*diary

	keeps map[action.Outcome]bool
}

func (m miser) Enabled(_ context.Context, outcome action.Outcome) bool { return m.keeps[outcome] }

// TestRecorderDisabled counts what is done for decisions that nobody keeps: none is
// made, and the clock is read once, which the gate does for itself.
func TestRecorderDisabled(t *testing.T) {
	t.Parallel()
	for _, keeps := range []map[action.Outcome]bool{{}, {action.Allow: true}, {action.Deny: true}} {
		miser := miser{&diary{}, keeps}
		var reads atomic.Int64
		house := newHouse(t, action.WithRecorder(miser), actiontest.WithClock(t, func() time.Time {
			reads.Add(1)
			return noon
		}))
		ask := func(name string) (events []string, clock int64) {
			reads.Store(0)
			house.ask(t.Context(), house.ways[len(house.ways)-1], unary("Role"), as("session", name), owned("alice"))
			events, _ = miser.take()
			return events, reads.Load()
		}
		if events, clock := ask("alice"); (len(events) > 0) != keeps[action.Allow] || (clock > 1) != keeps[action.Allow] {
			t.Errorf("%v: an allow leaves %q and reads the clock %d times", keeps, events, clock)
		}
		if events, _ := ask("nobody"); (len(events) > 0) != keeps[action.Deny] {
			t.Errorf("%v: a denial leaves %q", keeps, events)
		}
		house.take()
	}
}

// TestForgedLines has what callers and authenticators can choose try to begin lines
// of its own in the log.
func TestForgedLines(t *testing.T) {
	t.Parallel()
	const forged = "x\r\nlevel=ERROR msg=forged \x1b[2K\x00\x7f\u2028\u202e\xff\"'={}"
	for name, handler := range map[string]func(io.Writer) slog.Handler{
		"text": func(to io.Writer) slog.Handler { return slog.NewTextHandler(to, nil) },
		"json": func(to io.Writer) slog.Handler { return slog.NewJSONHandler(to, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			house := newHouse(t, action.WithRecorder(action.LogRecorder(slog.New(handler(&log)))))
			request := owned(strings.ToValidUTF8(forged, "?"))
			for _, answer := range []func(context.Context, *connect.CallInfo) (*authn.Principal, error){
				answers(nil, authn.InvalidCredential(forged)),
				answers(nil, errors.New(forged)),
				answers(authn.NewPrincipal(forged, authn.Details{Roles: []string{forged}, Scopes: []string{forged}}), nil),
				func(context.Context, *connect.CallInfo) (*authn.Principal, error) { panic(forged) },
			} {
				house.session.answer = answer
				house.ask(t.Context(), house.ways[0], unary("Several"), "", request)
			}
			text := log.String()
			if got := strings.Count(text, "\n"); got != 4 {
				t.Errorf("4 decisions are %d lines:\n%s", got, text)
			}
			if at := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && r < ' ' }); at >= 0 {
				t.Errorf("there is the control character %q in the log:\n%s", text[at], text)
			}
		})
	}
}

// TestRecorderPanics has a recorder that panics. Nobody is let through unrecorded.
func TestRecorderPanics(t *testing.T) {
	t.Parallel()
	house := newHouse(t, action.WithRecorder(broken{}))
	for _, procedure := range []string{unary("Role"), unary("Public"), stream("WatchOpen"), stream("CollectFirst"), stream("ChatEvery")} {
		got := house.ask(t.Context(), house.ways[len(house.ways)-1], procedure, as("session", "alice"), owned("alice"))
		if got.err == nil || len(got.responses) > 0 {
			t.Errorf("%s: got %v, %v", procedure, got.responses, got.err)
		}
		for events, _ := house.take(); len(events) > 0; events = events[1:] {
			if events[0] == "handle" {
				t.Errorf("%s: the handler ran", procedure)
			}
		}
	}
}

// broken is a recorder that keeps nothing.
type broken struct{}

func (broken) Enabled(context.Context, action.Outcome) bool { return true }
func (broken) Record(context.Context, action.Decision)      { panic("the disk is full") }
