package actiongen

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/unguarded"
)

// A Check ties a condition that a declaration names to the Go code that decides it.
// Make one with [NewCheck]; the zero Check is refused.
type Check struct{ check unguarded.Check }

// NewCheck ties the check of an RPC to the method of checks that decides it.
//
// The check reports whether the principal may make the request. With an error it
// does not hold, even if it says true: [authn.Unavailable] ends the call as
// unavailable, the context's own error with its code, any other as internal.
func NewCheck[Checks, Req any, ReqP message[Req]](
	checks Checks, method, name string, decide func(Checks, context.Context, *authn.Principal, *Req) (bool, error),
) Check {
	check := unguarded.Check{Method: method, Name: name, Request: ReqP(nil).ProtoReflect().Descriptor().FullName(), Checks: checks}
	if decide != nil {
		check.Holds = func(ctx context.Context, principal *authn.Principal, request proto.Message) (bool, error) {
			return decide(checks, ctx, principal, (*Req)(request.(ReqP))) //nolint:forcetypeassert // registration compared the types
		}
	}
	return Check{check}
}
