package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	benchv1 "github.com/sallyport-rpc/sallyport/gen/test/bench/v1"
)

// mostBytes is the largest message, as package server has it.
const mostBytes = 4 << 20

// serveConnect mounts a method as connect does by itself.
func serveConnect(ctx context.Context, listener net.Listener, handler connect.ServerFunc, interceptors ...connect.ServerInterceptor) error {
	dispatch := connect.NewServer(interceptors...)
	dispatch.Register(connect.Method{Spec: connect.Spec{Procedure: procedure}, Handler: handler})
	mux := http.NewServeMux()
	connecthttp.Mount(mux, dispatch, connecthttp.WithReadMaxBytes(mostBytes))
	return serveHTTP(ctx, listener, mux)
}

func serveHTTP(ctx context.Context, listener net.Listener, handler http.Handler) error {
	serving := &http.Server{Handler: handler, Protocols: new(http.Protocols)} //nolint:gosec // it serves a benchmark
	serving.Protocols.SetHTTP1(true)
	serving.Protocols.SetUnencryptedHTTP2(true)
	defer context.AfterFunc(ctx, func() { _ = serving.Close() })()
	if err := serving.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// fromError gives an error its code, and logs a denial as Sallyport does.
func fromError(err error) error {
	switch {
	case errors.Is(err, errNoSession):
		slog.Warn("denied", slog.String("procedure", procedure), slog.String("code", "unauthenticated"))
		return connect.NewError(connect.CodeUnauthenticated, err.Error())
	case errors.Is(err, errNotAllowed):
		slog.Warn("denied", slog.String("procedure", procedure), slog.String("code", "permission_denied"))
		return connect.NewError(connect.CodePermissionDenied, err.Error())
	default:
		return connect.NewError(connect.CodeInvalidArgument, err.Error())
	}
}

// serveConnectByHand has the checks in the handler.
func serveConnectByHand(ctx context.Context, listener net.Listener) error {
	return serveConnect(ctx, listener, func(ctx context.Context, _ connect.Spec, stream connect.ServerStream) error {
		request := new(benchv1.WriteNoteRequest)
		if err := stream.Receive(request); err != nil {
			return err
		}
		if err := validator.Validate(request); err != nil {
			return fromError(err)
		}
		call, _ := connect.CallInfoForServerContext(ctx)
		user, ok := sessions[call.RequestHeader().Get("Authorization")]
		if !ok {
			return fromError(errNoSession)
		}
		if !user.may(request) {
			return fromError(errNotAllowed)
		}
		return stream.Send(write(request))
	})
}

type userKey struct{}

// serveConnectIntercepted has the checks in three interceptors.
func serveConnectIntercepted(ctx context.Context, listener net.Listener) error {
	authenticate := func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			call, _ := connect.CallInfoForServerContext(ctx)
			user, ok := sessions[call.RequestHeader().Get("Authorization")]
			if !ok {
				return fromError(errNoSession)
			}
			return next(context.WithValue(ctx, userKey{}, user), spec, stream)
		}
	}
	receiving := func(check func(context.Context, *benchv1.WriteNoteRequest) error) connect.ServerInterceptor {
		return func(next connect.ServerFunc) connect.ServerFunc {
			return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
				return next(ctx, spec, &checkedStream{stream, ctx, check})
			}
		}
	}
	validate := func(_ context.Context, request *benchv1.WriteNoteRequest) error { return validator.Validate(request) }
	authorize := func(ctx context.Context, request *benchv1.WriteNoteRequest) error {
		if user, ok := ctx.Value(userKey{}).(*user); !ok || !user.may(request) {
			return errNotAllowed
		}
		return nil
	}
	return serveConnect(ctx, listener, func(_ context.Context, _ connect.Spec, stream connect.ServerStream) error {
		request := new(benchv1.WriteNoteRequest)
		if err := stream.Receive(request); err != nil {
			return err
		}
		return stream.Send(write(request))
	}, authenticate, receiving(authorize), receiving(validate))
}

// A checkedStream holds each request against a check.
type checkedStream struct {
	connect.ServerStream

	ctx   context.Context //nolint:containedctx // of the call, as the stream is
	check func(context.Context, *benchv1.WriteNoteRequest) error
}

func (s *checkedStream) Receive(message any) error {
	if err := s.ServerStream.Receive(message); err != nil {
		return err
	}
	request, ok := message.(*benchv1.WriteNoteRequest)
	if !ok {
		return errNotAllowed
	}
	if err := s.check(s.ctx, request); err != nil {
		return fromError(err)
	}
	return nil
}

// serveConnectBare has no checks at all: what the transport costs.
func serveConnectBare(ctx context.Context, listener net.Listener) error {
	return serveConnect(ctx, listener, func(_ context.Context, _ connect.Spec, stream connect.ServerStream) error {
		request := new(benchv1.WriteNoteRequest)
		if err := stream.Receive(request); err != nil {
			return err
		}
		return stream.Send(write(request))
	})
}
