package action_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"connectrpc.com/connect/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
)

// lines logs as JSON and gives back what was logged, a line each.
type lines struct{ bytes.Buffer }

func (l *lines) recorder(level slog.Level) action.RegistryOption {
	return action.WithRecorder(event.LogRecorder(slog.New(slog.NewJSONHandler(&l.Buffer, &slog.HandlerOptions{Level: level}))))
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
	fixture := newFixture(t, log.recorder(slog.LevelDebug))
	line := func(level, kind, outcome string, more map[string]any) map[string]any {
		made := map[string]any{
			"level": level, "msg": kind, "outcome": outcome, "procedure": unary("Several"), "stage": "handle", "duration": float64(0),
			"principal": "alice", "scheme": "session", "grant": "allow[0]",
		}
		for key, value := range more {
			if made[key] = value; value == nil {
				delete(made, key)
			}
		}
		return made
	}
	stranger := func(more map[string]any) map[string]any {
		made := map[string]any{"principal": nil, "scheme": nil, "grant": nil, "stage": "authenticate"}
		maps.Copy(made, more)
		return made
	}
	decided := line("DEBUG", "decided", "allow", nil)
	for _, test := range []struct {
		name   string
		answer error
		unary  func(context.Context, *call) (*testv1.Response, error)
		as     string
		want   []map[string]any
	}{
		{name: "an allow at debug", as: "alice", want: []map[string]any{decided, line("DEBUG", "ended", "allow", nil)}},
		{
			name: "a denial at info", as: "reader",
			want: []map[string]any{line("INFO", "decided", "deny", map[string]any{
				"stage": "authorize", "principal": "reader", "grant": nil, "code": "permission_denied", "reason": "no grant holds",
				"grants": `allow[0]: any_role owner: the principal has no role; ` +
					`allow[1]: all_scopes items.admin: the principal lacks items.admin; ` +
					`allow[2]: cel principal.id == request.owner: principal.id is "reader", request.owner is "alice"`,
			})},
		},
		{
			name: "a denial without a principal at info", answer: authn.InvalidCredential("unknown session"),
			want: []map[string]any{line("INFO", "decided", "deny", stranger(map[string]any{
				"code": "unauthenticated", "reason": "session: invalid credential: unknown session",
			}))},
		},
		{
			name: "a fault at error", answer: errors.New("no such table"),
			want: []map[string]any{line("ERROR", "decided", "deny", stranger(map[string]any{
				"code": "internal", "reason": "session: a fault", "error": "no such table",
			}))},
		},
		{
			name: "a handler that returns nothing at error", as: "alice",
			unary: func(context.Context, *call) (*testv1.Response, error) {
				var nothing *testv1.Response
				return nothing, nil
			},
			want: []map[string]any{decided, line("ERROR", "ended", "deny", map[string]any{
				"code": "internal", "reason": "the handler failed", "error": "the handler returned no response and no error",
			})},
		},
		{
			name: "a handler's plain error at error", as: "alice",
			unary: func(context.Context, *call) (*testv1.Response, error) { return nil, errors.New("no such table") },
			want: []map[string]any{decided, line("ERROR", "ended", "deny", map[string]any{
				"code": "unknown", "reason": "the handler returned an error", "error": "no such table",
			})},
		},
		{
			name: "a handler's answer at debug", as: "alice",
			unary: func(context.Context, *call) (*testv1.Response, error) {
				return nil, connect.NewError(connect.CodeAborted, "try again")
			},
			want: []map[string]any{decided, line("DEBUG", "ended", "allow", map[string]any{"code": "aborted"})},
		},
	} {
		fixture.alone(t, test.name, func(t *testing.T) {
			fixture.handlers.unary = test.unary
			fixture.session.answer = answers(people[test.as], test.answer)
			fixture.ask(t.Context(), fixture.ways[0], unary("Several"), "", secretive())
			got := log.take(t)
			for _, line := range got {
				if call, _ := line["call"].(string); len(call) < 20 || line["call"] != got[0]["call"] {
					t.Errorf("the call's id is %v, after %v", line["call"], got[0]["call"])
				}
				if peer, _ := line["peer"].(string); peer != "" {
					t.Errorf("a peer that the test server does not tell: %s", peer)
				}
			}
			for _, line := range got {
				delete(line, "call")
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
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
		{slog.LevelDebug, true, true, 6},
		{slog.LevelInfo, false, true, 3},
		{slog.LevelWarn, false, true, 2},
		{slog.LevelError, false, true, 2},
		{slog.LevelError + 1, false, false, 0},
	} {
		t.Run(test.level.String(), func(t *testing.T) {
			t.Parallel()
			var log lines
			recorder := event.LogRecorder(slog.New(slog.NewJSONHandler(&log.Buffer, &slog.HandlerOptions{Level: test.level})))
			if got := recorder.Enabled(t.Context(), event.Decided, event.Allow); got != test.allow {
				t.Errorf("allows are kept: %t, want %t", got, test.allow)
			}
			if got := recorder.Enabled(t.Context(), event.Decided, event.Deny); got != test.deny {
				t.Errorf("denials are kept: %t, want %t", got, test.deny)
			}
			fixture := newFixture(t, action.WithRecorder(recorder))
			ask := func(principal *authn.Principal, err error) {
				fixture.session.answer = answers(principal, err)
				fixture.ask(t.Context(), fixture.ways[0], unary("Role"), "", owned("alice"))
			}
			ask(people["alice"], nil)
			ask(people["visitor"], nil)
			ask(nil, errors.New("no such table"))
			fixture.handlers.unary = func(context.Context, *call) (*testv1.Response, error) { panic("a handler's own") }
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
	recorder := event.LogRecorder(nil)
	before := slog.Default()
	defer slog.SetDefault(before)
	slog.SetDefault(slog.New(slog.NewJSONHandler(&log.Buffer, nil)))
	if err := recorder.Record(t.Context(), &event.Event{}); err != nil {
		t.Error(err)
	}
	want := []map[string]any{{"level": "INFO", "msg": "none", "stage": "limit", "outcome": "deny", "duration": float64(0)}}
	if diff := cmp.Diff(want, log.take(t)); diff != "" {
		t.Errorf("the log of a zero event (-want +got):\n%s", diff)
	}
}

// A selectiveRecorder keeps no decision, or only those of one outcome.
type selectiveRecorder struct {
	*recorder

	keeps map[event.Outcome]bool
}

func (m selectiveRecorder) Enabled(_ context.Context, kind event.Kind, outcome event.Outcome) bool {
	return kind != event.Ended && m.keeps[outcome]
}

// TestRecorderDisabled counts what is done for decisions that are not kept: none is
// made, and the clock is read once, which the gate does for itself.
func TestRecorderDisabled(t *testing.T) {
	t.Parallel()
	for _, keeps := range []map[event.Outcome]bool{{}, {event.Allow: true}, {event.Deny: true}} {
		selectiveRecorder := selectiveRecorder{&recorder{}, keeps}
		var reads atomic.Int64
		fixture := newFixture(t, action.WithRecorder(selectiveRecorder), actiontest.WithClock(t, func() time.Time {
			reads.Add(1)
			return noon
		}))
		ask := func(name string) (events []string, clock int64) {
			reads.Store(0)
			fixture.ask(t.Context(), fixture.ways[len(fixture.ways)-1], unary("Role"), as("session", name), owned("alice"))
			events, _ = selectiveRecorder.take()
			return events, reads.Load()
		}
		if events, clock := ask("alice"); (len(events) > 0) != keeps[event.Allow] || (clock > 1) != keeps[event.Allow] {
			t.Errorf("%v: an allow leaves %q and reads the clock %d times", keeps, events, clock)
		}
		if events, _ := ask("visitor"); (len(events) > 0) != keeps[event.Deny] {
			t.Errorf("%v: a denial leaves %q", keeps, events)
		}
		fixture.take()
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
			fixture := newFixture(t, action.WithRecorder(event.LogRecorder(slog.New(handler(&log)))))
			request := owned(strings.ToValidUTF8(forged, "?"))
			for _, answer := range []func(context.Context, *connect.CallInfo) (*authn.Principal, error){
				answers(nil, authn.InvalidCredential(forged)),
				answers(nil, errors.New(forged)),
				answers(authn.NewPrincipal(forged, authn.Details{Unscoped: true, Roles: []string{forged}, Scopes: []string{forged}}), nil),
				func(context.Context, *connect.CallInfo) (*authn.Principal, error) { panic(forged) },
			} {
				fixture.session.answer = answer
				fixture.ask(t.Context(), fixture.ways[0], unary("Several"), "", request)
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

// A line stays within 4 KiB and is one line for every event, also with a
// handler that escapes nothing.
func TestLogLinesAreBounded(t *testing.T) {
	t.Parallel()
	for name, part := range map[string]string{
		"letters": "x", "quotes": `"`, "backslashes": `\`, "line ends": "\r\n", "escapes": "\x1b[2K", "not UTF-8": "\xff\xfe", "beyond the BMP": "\U0001F600",
		"direction": "\u202e", "separators": "\u2028", "markup": "<&>",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			long := strings.Repeat(part, 10_000)
			e := &event.Event{Kind: event.Decided, CallID: long, RequestID: long, Peer: &authn.Peer{Address: netip.MustParseAddr("2001:db8::1")}, Contract: long}
			e.Decision = event.Decision{
				Procedure: long, PrincipalID: long, Scheme: long, Grant: long, Code: connect.CodeInternal, Reason: long, Err: errors.New(long),
				Grants: []event.GrantOutcome{{Grant: long, Conditions: []event.ConditionOutcome{{Condition: long, Why: long}}}},
			}
			var text, asJSON, plain bytes.Buffer
			for _, handler := range []slog.Handler{slog.NewTextHandler(&text, nil), slog.NewJSONHandler(&asJSON, nil), bareHandler{&plain}} {
				if err := event.LogRecorder(slog.New(handler)).Record(t.Context(), e); err != nil {
					t.Error(err)
				}
			}
			for handler, line := range map[string]string{"text": text.String(), "JSON": asJSON.String(), "bare": plain.String()} {
				if len(line) > 4096 || len(line) < 500 || strings.Count(line, "\n") != 1 || !utf8.ValidString(line) {
					t.Errorf("%s: %d bytes on %d lines: %q", handler, len(line), strings.Count(line, "\n"), line)
				}
				if at := strings.IndexFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return !unicode.IsPrint(r) }); at >= 0 {
					t.Errorf("%s: there is %q in the line", handler, line[at:at+4])
				}
			}
		})
	}
}

// A bareHandler writes values as they are.
type bareHandler struct{ io.Writer }

func (bareHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h bareHandler) WithAttrs([]slog.Attr) slog.Handler     { return h }
func (h bareHandler) WithGroup(string) slog.Handler          { return h }
func (h bareHandler) Handle(_ context.Context, record slog.Record) error {
	fmt.Fprint(h, record.Message)
	record.Attrs(func(attribute slog.Attr) bool {
		fmt.Fprintf(h, " %s=%s", attribute.Key, attribute.Value)
		return true
	})
	_, err := fmt.Fprintln(h)
	return err
}

// TestLogOfEvent logs events as they are made before a gate runs: with what is known of
// the connection, and without a stage.
func TestLogOfEvent(t *testing.T) {
	t.Parallel()
	peer := &authn.Peer{Address: netip.MustParseAddr("192.0.2.7")}
	for name, test := range map[string]struct {
		of   event.Event
		want map[string]any
	}{
		"refused before the gate": {
			event.Event{Kind: event.Refused, CallID: "c1", RequestID: "r1", Peer: peer},
			map[string]any{"level": "INFO", "msg": "refused", "outcome": "deny", "duration": float64(0), "call": "c1", "request_id": "r1", "peer": "192.0.2.7"},
		},
		"a fault before the gate": {
			event.Event{Kind: event.Fault, Decision: event.Decision{Err: errors.New("no such table")}},
			map[string]any{"level": "ERROR", "msg": "fault", "outcome": "deny", "duration": float64(0), "error": "no such table"},
		},
		"decided, from no known address": {
			event.Event{Kind: event.Decided, Peer: &authn.Peer{}, Decision: event.Decision{Stage: event.StageValidate}},
			map[string]any{"level": "INFO", "msg": "decided", "outcome": "deny", "duration": float64(0), "stage": "validate"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log lines
			recorder := event.LogRecorder(slog.New(slog.NewJSONHandler(&log.Buffer, nil)))
			if err := recorder.Record(t.Context(), &test.of); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]map[string]any{test.want}, log.take(t)); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}
