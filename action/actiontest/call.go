package actiontest

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/unguarded"
)

// NewCall returns a call as the gate would make it, for a test to hand to a handler
// directly. Nothing is validated, authenticated or authorized: that is what [Matrix]
// is for. It fails the test when the principal or the message is nil.
func NewCall[Req any](tb testing.TB, principal *authn.Principal, request *Req) *action.Call[Req] {
	tb.Helper()
	if principal == nil || request == nil {
		tb.Fatal("actiontest.NewCall needs a principal and a message; for an anonymous action use NewAnonymousCall")
	}
	call := new(action.Call[Req])
	action.Unguarded(permit(tb)).Admit(call, principal, message(tb, request))
	return call
}

// NewResourceCall returns a call of an action that is about a resource, as the gate would
// make it, with the object that it is about. It fails the test when one of them is nil.
func NewResourceCall[Req, Obj any](tb testing.TB, principal *authn.Principal, request *Req, resource *Obj) *action.ResourceCall[Req, Obj] {
	tb.Helper()
	if principal == nil || request == nil || resource == nil {
		tb.Fatal("actiontest.NewResourceCall needs a principal, a message and a resource")
	}
	call := new(action.ResourceCall[Req, Obj])
	action.Unguarded(permit(tb)).AdmitResource(call, principal, message(tb, request), message(tb, resource))
	return call
}

// NewAnonymousCall returns a call of an anonymous action as the gate would make it.
// It fails the test when the message is nil.
func NewAnonymousCall[Req any](tb testing.TB, request *Req) *action.AnonymousCall[Req] {
	tb.Helper()
	if request == nil {
		tb.Fatal("actiontest.NewAnonymousCall needs a message")
	}
	call := new(action.AnonymousCall[Req])
	action.Unguarded(permit(tb)).Admit(call, nil, message(tb, request))
	return call
}

// WithClock returns the option that sets what tells the time to a registry's gates: for
// expiry, max_age and `now` in conditions. Without it that is [time.Now]. The timers of
// streams do not follow it; a test of those runs in testing/synctest.
func WithClock(tb testing.TB, now func() time.Time) action.RegistryOption {
	tb.Helper()
	return action.Unguarded(permit(tb)).Clock(now)
}

// message returns a generated message as one.
func message(tb testing.TB, of any) proto.Message {
	tb.Helper()
	message, ok := of.(proto.Message)
	if !ok {
		tb.Fatalf("actiontest: %T is no message", of)
	}
	return message
}

// permit gives the permit to go around the gate, to tests alone.
func permit(tb testing.TB) unguarded.Permit {
	tb.Helper()
	if !testing.Testing() {
		panic("actiontest: this is not a test")
	}
	return unguarded.Give()
}
