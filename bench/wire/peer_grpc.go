package main

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

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
		return intercept(ctx, request, &grpc.UnaryServerInfo{Server: server, FullMethod: writeNote}, func(ctx context.Context, request any) (any, error) {
			return server.(noteServer).WriteNote(ctx, request.(*benchv1.WriteNoteRequest)) //nolint:forcetypeassert // as grpc-go's generator writes it
		})
	}}},
}

// noteStreamService is what it writes for the streams.
var noteStreamService = grpc.ServiceDesc{
	ServiceName: "test.bench.v1.NoteStreamService",
	HandlerType: (*any)(nil),
	Streams: []grpc.StreamDesc{
		{StreamName: "WriteNotes", ServerStreams: true, ClientStreams: true, Handler: func(_ any, stream grpc.ServerStream) error {
			for {
				request := new(benchv1.WriteNotesRequest)
				if err := stream.RecvMsg(request); errors.Is(err, io.EOF) {
					return nil
				} else if err != nil {
					return err
				}
				if err := stream.SendMsg(written(request)); err != nil {
					return err
				}
			}
		}},
		{StreamName: "WatchNotes", ServerStreams: true, Handler: func(_ any, stream grpc.ServerStream) error {
			if err := stream.RecvMsg(new(benchv1.WatchNotesRequest)); err != nil {
				return err
			}
			if err := stream.SendHeader(nil); err != nil {
				return err
			}
			<-stream.Context().Done()
			return stream.Context().Err()
		}},
	},
}

func serveGRPCBare(ctx context.Context, listener net.Listener) error {
	return serveGRPCWith(ctx, listener)
}

func serveGRPCWith(ctx context.Context, listener net.Listener, options ...grpc.ServerOption) error {
	serving := grpc.NewServer(append(options, grpc.MaxConcurrentStreams(1000))...)
	serving.RegisterService(&noteService, grpcNotes{})
	serving.RegisterService(&noteStreamService, grpcNotes{})
	defer context.AfterFunc(ctx, serving.Stop)()
	return serving.Serve(listener)
}

// serveGRPC has the checks in three interceptors, and one for streams.
func serveGRPC(ctx context.Context, listener net.Listener) error {
	authenticate := func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		user, err := grpcSession(ctx)
		if err != nil {
			return nil, err
		}
		return next(context.WithValue(ctx, userKey{}, user), request)
	}
	validate := func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		if err := grpcValid(request); err != nil {
			return nil, err
		}
		return next(ctx, request)
	}
	authorize := func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		user, _ := ctx.Value(userKey{}).(*user)
		if err := grpcAllow(user, request, time.Now()); err != nil {
			return nil, err
		}
		return next(ctx, request)
	}
	stream := func(server any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
		user, err := grpcSession(stream.Context())
		if err != nil {
			return err
		}
		return next(server, &grpcStream{stream, user})
	}
	return serveGRPCWith(ctx, listener, grpc.ChainUnaryInterceptor(authenticate, validate, authorize), grpc.StreamInterceptor(stream))
}

func grpcSession(ctx context.Context) (*user, error) {
	begun := time.Now()
	values := metadata.ValueFromIncomingContext(ctx, "authorization")
	if len(values) != 1 || sessions[values[0]] == nil {
		denial{"unauthenticated", errNoSession.Error(), nil, begun}.log()
		return nil, status.Error(codes.Unauthenticated, errNoSession.Error())
	}
	return sessions[values[0]], nil
}

func grpcValid(request any) error {
	message, ok := request.(proto.Message)
	if !ok {
		return status.Error(codes.Internal, "the request is no message")
	}
	if err := validator.Validate(message); err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	return nil
}

func grpcAllow(user *user, request any, begun time.Time) error {
	if message, ok := request.(named); user == nil || !ok || !user.may(message) {
		denial{"permission_denied", errNotAllowed.Error(), user, begun}.log()
		return status.Error(codes.PermissionDenied, errNotAllowed.Error())
	}
	return nil
}

// A grpcStream checks each message.
type grpcStream struct {
	grpc.ServerStream

	user *user
}

func (s *grpcStream) RecvMsg(message any) error {
	begun := time.Now()
	if err := s.ServerStream.RecvMsg(message); err != nil {
		return err
	}
	if _, watches := message.(*benchv1.WatchNotesRequest); watches {
		return nil
	}
	if err := grpcValid(message); err != nil {
		return err
	}
	return grpcAllow(s.user, message, begun)
}
