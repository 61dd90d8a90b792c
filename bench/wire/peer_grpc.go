package main

import (
	"context"
	"log/slog"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	benchv1 "github.com/sallyport-rpc/sallyport/gen/test/bench/v1"
)

// noteServer is what grpc-go's generated code would ask for.
type noteServer interface {
	WriteNote(ctx context.Context, request *benchv1.WriteNoteRequest) (*benchv1.WriteNoteResponse, error)
}

type grpcNotes struct{}

func (grpcNotes) WriteNote(_ context.Context, request *benchv1.WriteNoteRequest) (*benchv1.WriteNoteResponse, error) { //nolint:unparam // as the interface has it
	return write(request), nil
}

// noteService is what grpc-go's generator writes for the service.
var noteService = grpc.ServiceDesc{
	ServiceName: "test.bench.v1.NoteService",
	HandlerType: (*noteServer)(nil),
	Methods: []grpc.MethodDesc{{MethodName: "WriteNote", Handler: func(server any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
		request := new(benchv1.WriteNoteRequest)
		if err := decode(request); err != nil {
			return nil, err
		}
		if intercept == nil {
			return server.(noteServer).WriteNote(ctx, request) //nolint:forcetypeassert // as grpc-go's generator writes it
		}
		return intercept(ctx, request, &grpc.UnaryServerInfo{Server: server, FullMethod: procedure}, func(ctx context.Context, request any) (any, error) {
			return server.(noteServer).WriteNote(ctx, request.(*benchv1.WriteNoteRequest)) //nolint:forcetypeassert // as grpc-go's generator writes it
		})
	}}},
}

// serveGRPC has the checks in three interceptors.
func serveGRPC(ctx context.Context, listener net.Listener) error {
	validate := func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		if err := validator.Validate(request.(*benchv1.WriteNoteRequest)); err != nil { //nolint:forcetypeassert // the only type there is
			return nil, status.Error(codes.InvalidArgument, err.Error())
		}
		return next(ctx, request)
	}
	authenticate := func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		values := metadata.ValueFromIncomingContext(ctx, "authorization")
		if len(values) != 1 || sessions[values[0]] == nil {
			slog.Warn("denied", slog.String("procedure", procedure), slog.String("code", "unauthenticated"))
			return nil, status.Error(codes.Unauthenticated, errNoSession.Error())
		}
		return next(context.WithValue(ctx, userKey{}, sessions[values[0]]), request)
	}
	authorize := func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		if user, ok := ctx.Value(userKey{}).(*user); !ok || !user.may(request.(*benchv1.WriteNoteRequest)) { //nolint:forcetypeassert // the only type there is
			slog.Warn("denied", slog.String("procedure", procedure), slog.String("code", "permission_denied"))
			return nil, status.Error(codes.PermissionDenied, errNotAllowed.Error())
		}
		return next(ctx, request)
	}
	serving := grpc.NewServer(grpc.ChainUnaryInterceptor(validate, authenticate, authorize))
	serving.RegisterService(&noteService, grpcNotes{})
	defer context.AfterFunc(ctx, serving.Stop)()
	return serving.Serve(listener)
}
