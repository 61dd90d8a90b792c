package main

import (
	"context"
	"net"
	"net/http"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	benchv1 "github.com/sallyport-rpc/sallyport/gen/test/bench/v1"
)

// serveConnectV1 has the checks in three interceptors of connect's first version. Its
// validation is by hand: the version of connectrpc.com/validate that stands on connect v2
// is here, and a program has one of them.
func serveConnectV1(ctx context.Context, listener net.Listener) error {
	authenticate := func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
			begun := time.Now()
			user, ok := sessions[request.Header().Get("Authorization")]
			if !ok {
				denial{"unauthenticated", errNoSession.Error(), nil, begun}.log()
				return nil, connect.NewError(connect.CodeUnauthenticated, errNoSession)
			}
			return next(context.WithValue(ctx, userKey{}, user), request)
		}
	}
	validate := func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
			message, ok := request.Any().(proto.Message)
			if !ok {
				return nil, connect.NewError(connect.CodeInternal, errNotAllowed)
			}
			if err := validator.Validate(message); err != nil {
				return nil, connect.NewError(connect.CodeInvalidArgument, err)
			}
			return next(ctx, request)
		}
	}
	authorize := func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
			begun := time.Now()
			user, known := ctx.Value(userKey{}).(*user)
			message, ok := request.Any().(named)
			if !known || !ok || !user.may(message) {
				denial{"permission_denied", errNotAllowed.Error(), user, begun}.log()
				return nil, connect.NewError(connect.CodePermissionDenied, errNotAllowed)
			}
			return next(ctx, request)
		}
	}
	mux := http.NewServeMux()
	mux.Handle(writeNote, connect.NewUnaryHandler(writeNote, func(_ context.Context, request *connect.Request[benchv1.WriteNoteRequest]) (*connect.Response[benchv1.WriteNoteResponse], error) {
		return connect.NewResponse(write(request.Msg)), nil
	}, connect.WithReadMaxBytes(mostBytes), connect.WithInterceptors(
		connect.UnaryInterceptorFunc(authenticate), connect.UnaryInterceptorFunc(validate), connect.UnaryInterceptorFunc(authorize))))
	return serveHTTP(ctx, listener, mux)
}
