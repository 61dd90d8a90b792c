package actiontest

import (
	"testing"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/unguarded"
)

// NewCall returns a call as the gate would make it, for a test to hand to a handler
// directly. Nothing is validated, authenticated or authorized: that is what [Matrix]
// is for. It fails the test when the principal or the message is nil.
func NewCall[Req any](tb testing.TB, principal *authn.Principal, message *Req) *action.Call[Req] {
	tb.Helper()
	if principal == nil || message == nil {
		tb.Fatal("actiontest.NewCall needs a principal and a message; for an anonymous action use NewAnonymousCall")
	}
	return action.UnguardedCall(permit(tb), principal, message)
}

// NewAnonymousCall returns a call of an anonymous action as the gate would make it.
// It fails the test when the message is nil.
func NewAnonymousCall[Req any](tb testing.TB, message *Req) *action.AnonymousCall[Req] {
	tb.Helper()
	if message == nil {
		tb.Fatal("actiontest.NewAnonymousCall needs a message")
	}
	return action.UnguardedAnonymousCall(permit(tb), message)
}

// permit gives the permit to go around the gate, to tests alone.
func permit(tb testing.TB) unguarded.Permit {
	tb.Helper()
	if !testing.Testing() {
		panic("actiontest: this is not a test")
	}
	return unguarded.Give()
}
