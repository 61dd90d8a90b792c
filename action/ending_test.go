package action

import (
	"context"
	"errors"
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
			if !errors.Is(how.public, test.err) || how.code() != connect.CodeOf(test.err) {
				t.Errorf("the caller is answered %v, want %v", how.public, test.err)
			}
		})
	}
}
