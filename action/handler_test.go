package action_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
)

// TestHandlerErrors has a row for everything that a handler can end with. What it
// authored for the caller arrives; no other text does.
func TestHandlerErrors(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	info := &errdetails.ErrorInfo{Reason: "LAST_ADMIN", Domain: "test"}
	authored := connect.NewError(connect.CodeFailedPrecondition, "the last one").
		WithDetail(must(connectproto.NewErrorDetail(info))).
		WithCause(errors.New(planted))
	var typedNil *connect.Error
	for _, test := range []struct {
		name    string
		err     error
		code    connect.Code
		text    string
		details []proto.Message
	}{
		{"authored", authored, connect.CodeFailedPrecondition, "the last one", []proto.Message{info}},
		{"authored and wrapped", fmt.Errorf("%s: %w", planted, authored), connect.CodeFailedPrecondition, "the last one", []proto.Message{info}},
		{"authored without a text", connect.NewError(connect.CodeNotFound, ""), connect.CodeNotFound, "", nil},
		{"authored, of a code that the gate uses", connect.NewError(connect.CodePermissionDenied, "not this one"), connect.CodePermissionDenied, "not this one", nil},
		{"any other", errors.New(planted), connect.CodeUnknown, "", nil},
		{"a remote one", connect.NewError(connect.CodeNotFound, planted).WithRemote(), connect.CodeInternal, "", nil},
		{"a remote one, wrapped", fmt.Errorf("asking: %w", authored.WithRemote()), connect.CodeInternal, "", nil},
		{"a typed nil", typedNil, connect.CodeUnknown, "", nil},
		{"cancelled", fmt.Errorf("%s: %w", planted, context.Canceled), connect.CodeCanceled, "", nil},
		{"out of time", fmt.Errorf("%s: %w", planted, context.DeadlineExceeded), connect.CodeDeadlineExceeded, "", nil},
		{"an authenticator's answer", authn.InvalidCredential(planted), connect.CodeUnknown, "", nil},
	} {
		fixture.alone(t, test.name, func(t *testing.T) {
			fixture.handlers.unary = func(context.Context, *call) (*testv1.Response, error) { return &testv1.Response{}, test.err }
			fixture.handlers.watch = func(context.Context, *testv1.Request, *responses) error { return test.err }
			fixture.handlers.collect = func(context.Context, receiver) (*testv1.Response, error) { return &testv1.Response{}, test.err }
			fixture.handlers.chat = func(context.Context, talker) error { return test.err }
			for _, procedure := range []string{unary("Own"), stream("WatchFirst"), stream("CollectFirst"), stream("ChatEvery")} {
				fixture.through(t, procedure, func(t *testing.T, way way) {
					got := fixture.ask(t.Context(), way, procedure, as("session", "alice"), owned("alice"))
					fixture.expect(t, "ask session", "allow at handle", "handle")
					told, ok := errors.AsType[*connect.Error](got.err)
					if !ok || told.Code() != test.code || told.Message() != test.text {
						t.Fatalf("got %v, want %s %q", got.err, test.code, test.text)
					}
					if diff := cmp.Diff(test.details, details(t, told), protocmp.Transform()); diff != "" {
						t.Errorf("details (-want +got):\n%s", diff)
					}
				})
			}
		})
	}
}

// TestHandlerFaults has handlers that do not answer at all. The caller is told
// nothing, the record has the cause, and the process lives.
func TestHandlerFaults(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	fixture.ends.Store(true)
	var (
		noMap   map[string]int
		nothing *testv1.Response
	)
	for _, test := range []struct {
		name  string
		fails func()
		cause string
	}{
		{"panics", func() { panic(planted) }, "panic in handle: a value of type string\n\tat "},
		{"panics with an error", func() { panic(connect.NewError(connect.CodeNotFound, planted)) }, "panic in handle: a value of type *connect.Error\n\tat "},
		{"panics with nil", func() { panic(nil) }, "panic in handle: panic called with nil argument"},
		{"panics in the runtime", func() { noMap["x"] = 1 }, "panic in handle: assignment to entry in nil map"},
		{"returns nothing", func() {}, "the handler returned no response and no error"},
	} {
		fixture.alone(t, test.name, func(t *testing.T) {
			fixture.handlers.unary = func(context.Context, *call) (*testv1.Response, error) {
				test.fails()
				return nothing, nil
			}
			fixture.handlers.watch = func(context.Context, *testv1.Request, *responses) error {
				test.fails()
				return nil
			}
			fixture.handlers.collect = func(context.Context, receiver) (*testv1.Response, error) {
				test.fails()
				return nothing, nil
			}
			fixture.handlers.chat = func(context.Context, talker) error {
				test.fails()
				return nil
			}
			for _, procedure := range []string{unary("Own"), stream("WatchEvery"), stream("CollectOpen"), stream("ChatFirst")} {
				if test.name == "returns nothing" && !strings.HasSuffix(procedure, "Own") && !strings.HasSuffix(procedure, "CollectOpen") {
					continue // a stream of responses may have none
				}
				fixture.through(t, procedure, func(t *testing.T, way way) {
					got := fixture.ask(t.Context(), way, procedure, as("session", "alice"), owned("alice"))
					expectError(t, got, refused{code: connect.CodeInternal, text: textInternal})
					decisions := fixture.expect(t, "ask session", "allow at handle", "handle", "ended")
					if len(decisions) != 2 {
						return
					}
					// The second says what became of the call that the first let through.
					fault := decisions[1]
					if fault.Err == nil || !strings.HasPrefix(fault.Err.Error(), test.cause) || strings.Contains(fault.Err.Error(), planted) || fault.Code != connect.CodeInternal || fault.PrincipalID != "alice" {
						t.Errorf("the record is %+v, want the error to begin %q", fault, test.cause)
					}
				})
			}
		})
	}
	// The next caller is served.
	*fixture.handlers = handlers{recorder: fixture.recorder}
	if got := fixture.ask(t.Context(), fixture.ways[0], unary("Own"), as("session", "alice"), owned("alice")); got.err != nil {
		t.Error(got.err)
	}
}

// TestHandlerExits ends the goroutine of a handler without a return or a panic. Its
// caller, in process, runs on that goroutine; so this one has its own.
func TestHandlerExits(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	fixture.handlers.unary = func(context.Context, *call) (*testv1.Response, error) {
		runtime.Goexit()
		return &testv1.Response{}, nil
	}
	returned := false
	done := make(chan struct{})
	go func() {
		defer close(done)
		fixture.ask(t.Context(), fixture.ways[len(fixture.ways)-1], unary("Own"), as("session", "alice"), owned("alice"))
		returned = true
	}()
	<-done
	if returned {
		t.Error("the call returned")
	}
	fixture.expect(t, "ask session", "allow at handle", "handle")
}

// TestHandlerCall reads what a handler is given.
func TestHandlerCall(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	request := secretive()
	fixture.handlers.unary = func(ctx context.Context, call *call) (*testv1.Response, error) {
		if diff := cmp.Diff(request, call.Message(), protocmp.Transform()); diff != "" {
			t.Errorf("the message (-want +got):\n%s", diff)
		}
		if call.Message() == request {
			t.Error("the message is the caller's own")
		}
		principal := call.Principal()
		if principal.ID() != "alice" || principal.Scheme() != "session" || principal == people["alice"] {
			t.Errorf("the principal is %v", principal)
		}
		want := event.Decision{
			Procedure: unary("Several"), Outcome: event.Allow, Stage: event.StageHandle,
			PrincipalID: "alice", Scheme: "session", Grant: "allow[0]", Time: noon,
		}
		if diff := cmp.Diff(want, call.Decision()); diff != "" {
			t.Errorf("the decision (-want +got):\n%s", diff)
		}
		if grant := call.Grant(); grant != "" { // the grant has no name
			t.Errorf("the grant is %q", grant)
		}
		if ctx.Err() != nil {
			t.Errorf("the context has ended: %v", ctx.Err())
		}
		return &testv1.Response{}, nil
	}
	fixture.through(t, unary("Several"), func(t *testing.T, way way) {
		if got := fixture.ask(t.Context(), way, unary("Several"), as("session", "alice"), request); got.err != nil {
			t.Error(got.err)
		}
	})
}
