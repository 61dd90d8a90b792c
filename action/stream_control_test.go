package action_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action/actionserver"
	"github.com/sallyport-rpc/sallyport/action/event"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
)

// lend serves a stream with what a server lends to it.
func (r *rechecking) lend(t *testing.T, procedure string, control actionserver.StreamControl) *running {
	t.Helper()
	server := connect.NewServer()
	server.Register(must(r.registry.Methods())...)
	s := &running{pipe: &pipe{in: make(chan *testv1.Request, 100), gone: make(chan struct{})}, ended: make(chan error, 1)}
	control.InterruptReceive = func() { close(s.gone) }
	go func() {
		s.ended <- server.Call(actionserver.WithStreamControl(t.Context(), &control), procedure, nil, s.pipe)
	}()
	return s
}

// TestShutdownEndsStreams shuts the server down while a stream lives, and while one waits
// for its first message. A stream that ended before takes its place back.
func TestShutdownEndsStreams(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		method string
		events []string
	}{
		"lives":              {"ChatOpen", []string{"allow at handle", "handle", "ended"}},
		"lives, anonymous":   {"ChatPublicOpen", []string{"allow at handle", "handle", "ended"}},
		"waits to be let in": {"ChatFirst", []string{"deny at decode"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRechecking(t)
				r.ends.Store(true)
				var end func()
				stopped := 0
				s := r.lend(t, stream(test.method), actionserver.StreamControl{
					OnShutdown: func(given func()) func() bool {
						end = given
						return func() bool { stopped++; return true }
					},
				})
				s.expectEnd(t, 0)
				end()
				s.expectEnd(t, connect.CodeUnavailable)
				decisions := r.expect(t, test.events...)
				if last := decisions[len(decisions)-1]; last.Outcome != event.Deny || last.Reason != "the server shuts down" {
					t.Errorf("it left %+v", last)
				}
				if stopped != 1 {
					t.Errorf("its place was taken back %d times", stopped)
				}
			})
		})
	}
}

// TestOpenLimits lets a client wait with its first message. The sooner of the two limits
// ends the stream; the limit to be let in does not count once it is.
func TestOpenLimits(t *testing.T) {
	t.Parallel()
	const late, idle = "the first message did not come in time", "no message came or went for 1m0s"
	for name, test := range map[string]struct {
		open, idle time.Duration
		after      time.Duration // 0 is never
		reason     string
	}{
		"to be let in":           {open: time.Minute, after: time.Minute, reason: late},
		"to be let in is sooner": {open: time.Minute, idle: time.Hour, after: time.Minute, reason: late},
		"idle alone":             {idle: time.Minute, after: time.Minute, reason: idle},
		"idle is sooner":         {open: time.Hour, idle: time.Minute, after: time.Minute, reason: idle},
		"the same":               {open: time.Minute, idle: time.Minute, after: time.Minute, reason: late},
		"no limit":               {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRechecking(t)
				s := r.lend(t, stream("ChatFirst"), actionserver.StreamControl{OpenTimeout: test.open, IdleTimeout: test.idle})
				if test.after == 0 {
					time.Sleep(24 * time.Hour)
					s.expectEnd(t, 0)
					close(s.in)
					return
				}
				time.Sleep(test.after - time.Nanosecond)
				s.expectEnd(t, 0)
				time.Sleep(time.Nanosecond)
				s.expectEnd(t, connect.CodeDeadlineExceeded)
				if decisions := r.expect(t, "deny at decode"); decisions[0].Reason != test.reason {
					t.Errorf("it ended because %q, want %q", decisions[0].Reason, test.reason)
				}
			})
			synctest.Test(t, func(t *testing.T) {
				r := newRechecking(t)
				s := r.lend(t, stream("ChatFirst"), actionserver.StreamControl{OpenTimeout: time.Minute})
				s.in <- owned("alice")
				time.Sleep(time.Hour)
				s.expectEnd(t, 0)
				close(s.in)
			})
		})
	}
}

// TestSilentStreamIsIdle lets a stream go silent after messages came. The limit counts
// from the last of them, and the end names the caller.
func TestSilentStreamIsIdle(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"ChatOpen", "CollectEvery", "ChatPublicFirst"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRechecking(t)
				r.ends.Store(true)
				s := r.lend(t, stream(method), actionserver.StreamControl{IdleTimeout: time.Minute})
				s.in <- owned("alice")
				time.Sleep(40 * time.Second)
				s.in <- owned("alice")
				time.Sleep(time.Minute - time.Nanosecond)
				s.expectEnd(t, 0)
				time.Sleep(time.Nanosecond)
				s.expectEnd(t, connect.CodeDeadlineExceeded)
				_, decisions := r.take()
				last := decisions[len(decisions)-1]
				if last.Outcome != event.Deny || last.Reason != "no message came or went for 1m0s" {
					t.Errorf("it left %+v", last)
				}
				if want := map[bool]string{true: "alice"}[method != "ChatPublicFirst"]; last.PrincipalID != want {
					t.Errorf("it was the stream of %q, want %q", last.PrincipalID, want)
				}
			})
		})
	}
}

// An accountant is an [actionserver.Accountant] that answers as a test wants.
type accountant struct {
	err error
	ids []string
}

func (a *accountant) Authenticated(_ context.Context, id string) error {
	a.ids = append(a.ids, id)
	return a.err
}

// TestAccountant has the server refuse a caller that was authenticated. A connect error
// is what the caller gets; any other is a fault, of which it learns nothing.
func TestAccountant(t *testing.T) {
	t.Parallel()
	broken := errors.New("no ledger")
	for name, test := range map[string]struct {
		method string
		id     string
		err    error
		code   connect.Code
		reason string
	}{
		"agrees":            {method: "CollectOpen", id: "alice"},
		"agrees, anonymous": {method: "CollectPublicOpen"},
		"refuses": {
			method: "CollectOpen", id: "alice", err: connect.NewError(connect.CodeResourceExhausted, "too many calls"),
			code: connect.CodeResourceExhausted, reason: "the server refused the caller: resource_exhausted",
		},
		"refuses, anonymous": {
			method: "CollectPublicOpen", err: connect.NewError(connect.CodeResourceExhausted, "too many calls"),
			code: connect.CodeResourceExhausted, reason: "the server refused the caller: resource_exhausted",
		},
		"fails": {method: "CollectOpen", id: "alice", err: broken, code: connect.CodeInternal, reason: "a fault"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRechecking(t)
			server := connect.NewServer()
			server.Register(must(r.registry.Methods())...)
			in := make(chan *testv1.Request)
			close(in)
			accounts := &accountant{err: test.err}
			err := server.Call(actionserver.WithAccountant(t.Context(), accounts), stream(test.method), nil, &pipe{in: in})
			if !slices.Equal(accounts.ids, []string{test.id}) {
				t.Errorf("it was asked about %q", accounts.ids)
			}
			events, decisions := r.take()
			if test.err == nil {
				if err != nil || !slices.Contains(events, "handle") {
					t.Errorf("it ended with %v: %q", err, events)
				}
				return
			}
			if connect.CodeOf(err) != test.code || errors.Is(err, broken) || slices.Contains(events, "handle") {
				t.Errorf("it ended with %v: %q", err, events)
			}
			if len(decisions) != 1 || decisions[0].Outcome != event.Deny || decisions[0].Stage != event.StageAuthenticate ||
				decisions[0].Reason != test.reason || errors.Is(decisions[0].Err, broken) != (test.err == broken) { //nolint:errorlint // the very same
				t.Errorf("it left %+v", decisions)
			}
		})
	}
}

// A stuffed pipe fails to send.
type stuffed struct {
	*pipe

	err error
}

func (s stuffed) Send(any) error { return s.err }

// TestUnsentResponse has the transport fail to send a response. What the server refuses,
// because the caller holds too much of it, is no fault of the handler, and neither is a
// caller that left; anything else is.
func TestUnsentResponse(t *testing.T) {
	t.Parallel()
	full := connect.NewError(connect.CodeResourceExhausted, "too many unread bytes")
	broken := errors.New("no such connection")
	for name, test := range map[string]struct {
		err    error
		code   connect.Code
		reason string
		fault  bool
	}{
		"refused":            {full, connect.CodeResourceExhausted, "the response was not sent: too many unread bytes", false},
		"refused by a codec": {connect.NewError(connect.CodeInternal, "marshal message").WithCause(full), connect.CodeResourceExhausted, "the response was not sent: too many unread bytes", false},
		"another server's": {
			full.WithRemote(), connect.CodeInternal, "the response could not be sent", true,
		},
		"another code": {connect.NewError(connect.CodeInternal, "marshal message"), connect.CodeInternal, "the response could not be sent", true},
		"broken":       {broken, connect.CodeUnknown, "the response could not be sent", true},
		"left":         {connect.NewError(connect.CodeCanceled, "canceled").WithCause(context.Canceled), connect.CodeCanceled, "the call ended before its response was sent", false},
		"too late":     {connect.NewError(connect.CodeDeadlineExceeded, "too late").WithCause(context.DeadlineExceeded), connect.CodeDeadlineExceeded, "the call ended before its response was sent", false},
	} {
		for _, procedure := range []string{unary("Own"), stream("CollectOpen")} {
			t.Run(name+procedure, func(t *testing.T) {
				t.Parallel()
				r := newRechecking(t)
				r.ends.Store(true)
				if err := testv1action.RegisterUnaryService(r.registry, r.handlers, r.handlers); err != nil {
					t.Fatal(err)
				}
				server := connect.NewServer()
				server.Register(must(r.registry.Methods())...)
				in := make(chan *testv1.Request, 1)
				in <- owned("alice")
				close(in)
				err := server.Call(t.Context(), procedure, nil, stuffed{&pipe{in: in}, test.err})
				_, decisions := r.take()
				last := decisions[len(decisions)-1]
				if last.Code != test.code || last.Reason != test.reason || (last.Err != nil) != test.fault || last.PrincipalID != "alice" {
					t.Errorf("it left %+v", last)
				}
				if test.code != connect.CodeInternal && connect.CodeOf(err) != test.code {
					t.Errorf("the caller is answered %v", err)
				}
			})
		}
	}
}
