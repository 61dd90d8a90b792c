package bench

import (
	"context"
	"slices"

	"connectrpc.com/connect/v2"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// mayDelete is the policy, by hand.
func (a *asker) mayDelete(request *demov1.DeleteUserRequest) bool {
	return slices.Contains(a.roles, "admin") || a.id == request.GetUserId()
}

type askerKey struct{}

// authenticating puts who is calling into the context.
func authenticating(users sessions[*asker]) connect.ServerInterceptor {
	return func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			call, _ := connect.CallInfoForServerContext(ctx)
			user, err := users.find(call)
			if err != nil {
				return connect.NewError(connect.CodeUnauthenticated, "sign in first")
			}
			return next(context.WithValue(ctx, askerKey{}, user), spec, stream)
		}
	}
}

// A policy says who may make a request.
type policy func(user *asker, message any) bool

// authorizing holds each request that is received against the policy of its
// procedure.
func authorizing(policies map[string]policy) connect.ServerInterceptor {
	return func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			user, known := ctx.Value(askerKey{}).(*asker)
			allows := policies[spec.Procedure]
			if !known || allows == nil {
				return errNotAllowed
			}
			return next(ctx, spec, &authorizedStream{ServerStream: stream, user: user, allows: allows})
		}
	}
}

var errNotAllowed = connect.NewError(connect.CodePermissionDenied, "not allowed")

type authorizedStream struct {
	connect.ServerStream

	user   *asker
	allows policy
}

func (s *authorizedStream) Receive(message any) error {
	if err := s.ServerStream.Receive(message); err != nil {
		return err
	}
	if !s.allows(s.user, message) {
		return errNotAllowed
	}
	return nil
}
