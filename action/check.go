package action

import (
	"context"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// A Check ties a condition that a declaration names to the Go code that decides it.
// Generated code makes them with [NewCheck]; the zero Check is refused.
type Check struct {
	method     string
	name       string
	incomplete bool // there is nothing that could decide
	request    protoreflect.FullName
	holds      policy.CheckFunc
}

// NewCheck ties the check of an RPC to the method of checks that decides it.
// Generated code calls it.
//
// The check reports whether the principal may make the request. With an error it
// does not hold, whatever else it returns: [authn.Unavailable] ends the call as
// unavailable, the context's own error with its code, any other as internal.
func NewCheck[Checks, Req any, ReqP message[Req]](
	checks Checks, method, name string, decide func(Checks, context.Context, *authn.Principal, *Req) (bool, error),
) Check {
	return Check{
		method:     method,
		name:       name,
		incomplete: isNil(checks) || decide == nil,
		request:    ReqP(nil).ProtoReflect().Descriptor().FullName(),
		holds: func(ctx context.Context, principal *authn.Principal, request proto.Message) (bool, error) {
			return decide(checks, ctx, principal, (*Req)(request.(ReqP))) //nolint:forcetypeassert // registration compared the types
		},
	}
}
