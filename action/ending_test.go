package action

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action/event"
)

// An error that a handler makes is recorded as a fault when its code says that the
// handler failed. Other codes are answers: the call ended as the handler wanted.
func TestEndingOfAuthoredErrors(t *testing.T) {
	t.Parallel()
	cause := errors.New("the disk is on fire")
	for _, test := range []struct {
		name  string
		err   error
		fault bool
		cause bool
	}{
		{"internal", connect.NewError(connect.CodeInternal, "sorry"), true, false},
		{"internal, with a cause", connect.NewError(connect.CodeInternal, "sorry").WithCause(cause), true, true},
		{"unknown", connect.NewError(connect.CodeUnknown, "sorry"), true, false},
		{"data loss", connect.NewError(connect.CodeDataLoss, "sorry"), true, false},
		{"unavailable, with a cause", connect.NewError(connect.CodeUnavailable, "later").WithCause(cause), true, true},
		{"unavailable", connect.NewError(connect.CodeUnavailable, "later"), false, false},
		{"not found, with a cause", connect.NewError(connect.CodeNotFound, "no such note").WithCause(cause), false, false},
		{"canceled, with a cause", connect.NewError(connect.CodeCanceled, "canceled").WithCause(context.Canceled), false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			how := endingOf(test.err)
			if got := how.outcome() == event.Deny; got != test.fault || (how.cause != nil) != test.fault {
				t.Errorf("a fault: %t, want %t: %+v", got, test.fault, how)
			}
			if got := errors.Is(how.cause, cause); got != test.cause {
				t.Errorf("the cause is kept: %t, want %t: %v", got, test.cause, how.cause)
			}
			if how.cause != nil && strings.Contains(how.cause.Error(), "%!") {
				t.Errorf("operators read %q", how.cause)
			}
			if !errors.Is(how.public, test.err) || how.code() != connect.CodeOf(test.err) {
				t.Errorf("the caller is answered %v, want %v", how.public, test.err)
			}
		})
	}
}

// Errors that no one wrote for the caller: of a context that has ended, which is no
// fault, and of what a handler asked itself, which is one.
func TestEndingOfOtherErrors(t *testing.T) {
	t.Parallel()
	remote := connect.NewError(connect.CodeNotFound, "no such row").WithRemote()
	for _, test := range []struct {
		name   string
		err    error
		reason string
		cause  bool
		code   connect.Code
	}{
		{"canceled", context.Canceled, "the call ended before its handler was done", false, connect.CodeUnknown},
		{"too late", context.DeadlineExceeded, "the call ended before its handler was done", false, connect.CodeUnknown},
		{"another server's", remote, "the handler returned an error", true, connect.CodeInternal},
		{"a Go error", errors.New("no such table"), "the handler returned an error", true, connect.CodeUnknown},
		{"a nil error of connect's", fmt.Errorf("get: %w", (*connect.Error)(nil)), "the handler returned an error", true, connect.CodeUnknown},
		{"no response", errNoResponse, "the handler failed", true, connect.CodeInternal},
		{"no return", errNoReturn, "the handler failed", true, connect.CodeInternal},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			how := endingOf(test.err)
			if how.outcome() != event.Deny || how.reason != test.reason || errors.Is(how.cause, test.err) != test.cause || how.code() != test.code {
				t.Errorf("it ends with %+v, code %v", how, how.code())
			}
		})
	}
	if how := endingOf(nil); how != (ending{}) || how.outcome() != event.Allow || how.code() != 0 {
		t.Errorf("success ends with %+v", how)
	}
	if err := unsent(nil); err != nil {
		t.Errorf("a response that was sent ends with %v", err)
	}
}
