package action_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/internal/unguarded"
	"github.com/sallyport-rpc/sallyport/limit"
)

// rehearsed is the registry of a rehearsal, with what its handlers and its limiter note.
type rehearsed struct {
	*recorder

	registry *action.Registry
	limiter  *fakeLimiter
	caller   *authn.Principal
}

// newRehearsed registers the services of every shape, and one with limits.
func newRehearsed(t *testing.T) *rehearsed {
	t.Helper()
	recorder := &recorder{}
	r := &rehearsed{recorder: recorder, limiter: &fakeLimiter{recorder: recorder}, caller: aliceTheEditor}
	finds := authn.AuthenticatorFunc(func(context.Context, *connect.CallInfo) (*authn.Principal, error) { return r.caller, nil })
	handlers := &handlers{recorder: recorder}
	r.registry = must(action.NewRegistry(authn.Schemes{"session": freshnessReporter{finds}, "bearer": freshnessReporter{finds}},
		action.WithRecorder(recorder), action.WithLimiter(r.limiter)))
	if err := errors.Join(
		testv1action.RegisterUnaryService(r.registry, handlers, handlers),
		testv1action.RegisterStreamService(r.registry, handlers),
		testv1action.RegisterLimitService(r.registry, handlers),
	); err != nil {
		t.Fatal(err)
	}
	return r
}

// A script is what a client sends on a stream, in order; then it has no more to say, or
// breaks with an error.
type script struct {
	owners []string
	breaks error
	sent   []any
}

func (s *script) Receive(message any) error {
	if len(s.owners) == 0 {
		if s.breaks != nil {
			return s.breaks
		}
		return io.EOF
	}
	message.(*testv1.Request).Owner, s.owners = s.owners[0], s.owners[1:]
	return nil
}
func (*script) SendHeaders() error { return nil }
func (s *script) Send(message any) error {
	s.sent = append(s.sent, message)
	return nil
}

// TestRehearsal calls actions without their handlers: the gate decides as ever, what it lets
// through is answered with an empty response, all messages of a stream pass the gate, and no
// limit counts.
func TestRehearsal(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		procedure string
		caller    *authn.Principal
		owners    []string
		breaks    error
		code      connect.Code // 0 where it is let in
		answers   int
		events    []string
	}{
		"unary":                 {unary("Own"), aliceTheEditor, []string{"alice"}, nil, 0, 1, []string{"allow at handle"}},
		"unary, denied":         {unary("Own"), aliceTheEditor, []string{"bob"}, nil, connect.CodePermissionDenied, 0, []string{"deny at authorize"}},
		"unary, limited":        {limited("LimitedRead"), aliceTheEditor, []string{"alice"}, nil, 0, 1, []string{"allow at handle"}},
		"a check":               {unary("Checked"), aliceTheEditor, []string{"alice"}, nil, 0, 1, []string{"check", "allow at handle"}},
		"a server stream":       {stream("WatchFirst"), aliceTheEditor, []string{"alice"}, nil, 0, 0, []string{"allow at handle"}},
		"a client stream":       {stream("CollectEvery"), aliceTheEditor, []string{"alice", "alice"}, nil, 0, 1, []string{"allow at handle"}},
		"a later message":       {stream("CollectEvery"), aliceTheEditor, []string{"alice", "bob"}, nil, connect.CodePermissionDenied, 0, []string{"allow at handle", "deny at authorize"}},
		"a bidi stream":         {stream("ChatEvery"), aliceTheEditor, []string{"alice", "bob"}, nil, connect.CodePermissionDenied, 0, []string{"allow at handle", "deny at authorize"}},
		"an anonymous one":      {stream("CollectPublicEvery"), nil, []string{"alice", ""}, nil, connect.CodeInvalidArgument, 0, []string{"allow at handle", "deny at validate"}},
		"an anonymous bidi one": {stream("ChatPublicEvery"), nil, []string{"alice", ""}, nil, connect.CodeInvalidArgument, 0, []string{"allow at handle", "deny at validate"}},
		"a stream that breaks": {
			stream("CollectOpen"), aliceTheEditor, []string{"alice"}, connect.NewError(connect.CodeUnavailable, "broken"), connect.CodeUnavailable, 0,
			[]string{"allow at handle", "deny at decode"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRehearsed(t)
			r.caller = test.caller
			server := connect.NewServer()
			server.Register(must(action.Unguarded(unguarded.Give()).Rehearsal(r.registry))...)
			s := &script{owners: test.owners, breaks: test.breaks}
			err := server.Call(t.Context(), test.procedure, nil, s)
			if (err == nil) != (test.code == 0) || err != nil && connect.CodeOf(err) != test.code {
				t.Errorf("it ended with %v, want %v", err, test.code)
			}
			if len(s.sent) != test.answers {
				t.Errorf("it is answered %v", s.sent)
			}
			for _, sent := range s.sent {
				if response, ok := sent.(*testv1.Response); !ok || response.GetCaller() != "" || len(response.GetOwners()) > 0 {
					t.Errorf("it is answered %v", sent)
				}
			}
			r.expect(t, test.events...)
		})
	}
	if _, err := action.Unguarded(unguarded.Give()).Rehearsal(new(action.Registry)); err == nil {
		t.Error("a registry that NewRegistry did not make is rehearsed")
	}
}

// TestRehearse calls actions with stand-ins for their handlers and checks, with a recorder,
// a limiter and a clock of the rehearsal's own.
func TestRehearse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		procedure string
		owners    []string
		code      connect.Code
		events    []string // of the rehearsal's own
	}{
		"let in":      {unary("Own"), []string{"alice"}, 0, []string{"allow at handle", "ran"}},
		"denied":      {unary("Own"), []string{"bob"}, connect.CodePermissionDenied, []string{"deny at authorize"}},
		"a check":     {unary("Checked"), []string{"alice"}, 0, []string{"asked is_open", "allow at handle", "ran"}},
		"a check, no": {unary("Checked"), []string{"bob"}, connect.CodePermissionDenied, []string{"asked is_open", "deny at authorize"}},
		"a stream":    {stream("CollectEvery"), []string{"alice", "alice"}, 0, []string{"allow at handle", "ran", "received", "received"}},
		"a message":   {stream("ChatEvery"), []string{"alice", "bob"}, connect.CodePermissionDenied, []string{"allow at handle", "ran", "received", "deny at authorize"}},
		"limited":     {limited("LimitedRead"), []string{"alice"}, 0, []string{"count action address", "count principal", "allow at handle", "ran"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, own := newRehearsed(t), &recorder{}
			at := noon
			methods, err := action.Unguarded(unguarded.Give()).Rehearse(r.registry, own, &fakeLimiter{recorder: own}, func() time.Time { return at }, unguarded.Rehearsal{
				Ran:      func(context.Context, unguarded.Handed) { own.note("ran") },
				Received: func(context.Context, proto.Message) { own.note("received") },
				Answer: func(_ context.Context, check string, _ proto.Message) (bool, error) {
					own.note("asked " + check)
					return test.code == 0, nil
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			server := connect.NewServer()
			server.Register(methods...)
			err = server.Call(t.Context(), test.procedure, nil, &script{owners: test.owners})
			if (err == nil) != (test.code == 0) || err != nil && connect.CodeOf(err) != test.code {
				t.Errorf("it ended with %v, want %v", err, test.code)
			}
			for _, decision := range own.expect(t, test.events...) {
				if !decision.Time.Equal(at) {
					t.Errorf("it was decided at %v", decision.Time)
				}
			}
			r.expect(t) // of the registry's own recorder, limiter and checks
		})
	}
}

// TestRehearseWithoutStandIns leaves the checks as they are, and notes nothing.
func TestRehearseWithoutStandIns(t *testing.T) {
	t.Parallel()
	r := newRehearsed(t)
	methods, err := action.Unguarded(unguarded.Give()).Rehearse(r.registry, r.recorder, r.limiter, time.Now, unguarded.Rehearsal{})
	if err != nil {
		t.Fatal(err)
	}
	server := connect.NewServer()
	server.Register(methods...)
	for _, procedure := range []string{unary("Checked"), stream("CollectOpen")} {
		if err := server.Call(t.Context(), procedure, nil, &script{owners: []string{"alice"}}); err != nil {
			t.Errorf("%s: %v", procedure, err)
		}
	}
	r.expect(t, "check", "allow at handle", "allow at handle")
}

// TestRehearseRefuses refuses a registry that was served already, one that was refused a
// registration, and those that NewRegistry did not make.
func TestRehearseRefuses(t *testing.T) {
	t.Parallel()
	sealed := newRehearsed(t).registry
	if err := sealed.Seal(); err != nil {
		t.Fatal(err)
	}
	refusing := newRehearsed(t).registry
	if err := testv1action.RegisterStreamService(refusing, &handlers{}); err == nil {
		t.Fatal("a service is registered twice")
	}
	for name, registry := range map[string]*action.Registry{"nil": nil, "zero": {}, "sealed": sealed, "refused": refusing} {
		methods, err := action.Unguarded(unguarded.Give()).Rehearse(registry, &recorder{}, must(limit.NewMemory()), time.Now, unguarded.Rehearsal{})
		if err == nil || methods != nil {
			t.Errorf("%s: %d methods, %v", name, len(methods), err)
		}
	}
}
