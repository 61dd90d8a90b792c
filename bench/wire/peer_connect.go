package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"connectrpc.com/validate"
	"google.golang.org/protobuf/proto"

	benchv1 "github.com/sallyport-rpc/sallyport/gen/test/bench/v1"
)

// mostBytes is the largest message, as package server has it.
const mostBytes = 4 << 20

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

// serveConnect mounts methods as connect does by itself.
func serveConnect(ctx context.Context, listener net.Listener, methods []connect.Method, interceptors ...connect.ServerInterceptor) error {
	dispatch := connect.NewServer(interceptors...)
	dispatch.Register(methods...)
	mux := http.NewServeMux()
	connecthttp.Mount(mux, dispatch, connecthttp.WithReadMaxBytes(mostBytes))
	return serveHTTP(ctx, listener, mux)
}

// A check is what a handler does before it looks at a message.
type check func(ctx context.Context, message proto.Message) error

func unchecked(context.Context, proto.Message) error { return nil }

// connectNotes are the methods as connect's generated code would have them, with a check
// of each message.
func connectNotes(check check) []connect.Method {
	return []connect.Method{
		{Spec: connect.Spec{Procedure: writeNote}, Handler: func(ctx context.Context, _ connect.Spec, stream connect.ServerStream) error {
			request := new(benchv1.WriteNoteRequest)
			if err := stream.Receive(request); err != nil {
				return err
			}
			if err := check(ctx, request); err != nil {
				return err
			}
			return stream.Send(write(request))
		}},
		{Spec: connect.Spec{Procedure: writeNotes, StreamType: connect.StreamTypeBidi}, Handler: func(ctx context.Context, _ connect.Spec, stream connect.ServerStream) error {
			for {
				request := new(benchv1.WriteNotesRequest)
				if err := stream.Receive(request); errors.Is(err, io.EOF) {
					return nil
				} else if err != nil {
					return err
				}
				if err := check(ctx, request); err != nil {
					return err
				}
				if err := stream.Send(written(request)); err != nil {
					return err
				}
			}
		}},
		{Spec: connect.Spec{Procedure: watchNotes, StreamType: connect.StreamTypeServer}, Handler: func(ctx context.Context, _ connect.Spec, stream connect.ServerStream) error {
			if err := stream.Receive(new(benchv1.WatchNotesRequest)); err != nil {
				return err
			}
			if err := stream.SendHeaders(); err != nil {
				return err
			}
			<-ctx.Done()
			return ctx.Err()
		}},
	}
}

// serveConnectBare has no checks at all.
func serveConnectBare(ctx context.Context, listener net.Listener) error {
	return serveConnect(ctx, listener, connectNotes(unchecked))
}

// serveConnectByHand has the checks in the handler, and at each message of a stream.
func serveConnectByHand(ctx context.Context, listener net.Listener) error {
	return serveConnect(ctx, listener, connectNotes(func(ctx context.Context, message proto.Message) error {
		begun := time.Now()
		if err := validator.Validate(message); err != nil {
			return connect.NewError(connect.CodeInvalidArgument, err.Error())
		}
		user, err := session(ctx, begun)
		if err != nil {
			return err
		}
		return allow(user, message, begun)
	}))
}

// session finds the caller.
func session(ctx context.Context, begun time.Time) (*user, error) {
	call, _ := connect.CallInfoForServerContext(ctx)
	user, ok := sessions[call.RequestHeader().Get("Authorization")]
	if !ok {
		denial{"unauthenticated", errNoSession.Error(), nil, begun}.log()
		return nil, connect.NewError(connect.CodeUnauthenticated, errNoSession.Error())
	}
	return user, nil
}

// allow holds a message against the policy.
func allow(user *user, message any, begun time.Time) error {
	if request, ok := message.(named); !ok || !user.may(request) {
		denial{"permission_denied", errNotAllowed.Error(), user, begun}.log()
		return connect.NewError(connect.CodePermissionDenied, errNotAllowed.Error())
	}
	return nil
}

type userKey struct{}

// serveConnectIntercepted has the checks in three interceptors.
func serveConnectIntercepted(ctx context.Context, listener net.Listener) error {
	authenticate := func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			user, err := session(ctx, time.Now())
			if err != nil {
				return err
			}
			return next(context.WithValue(ctx, userKey{}, user), spec, stream)
		}
	}
	authorize := func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			user, ok := ctx.Value(userKey{}).(*user)
			if !ok {
				return connect.NewError(connect.CodePermissionDenied, errNotAllowed.Error())
			}
			return next(ctx, spec, &authorizedStream{stream, user})
		}
	}
	return serveConnect(ctx, listener, connectNotes(unchecked), authenticate, authorize, validate.NewServerInterceptor())
}

// An authorizedStream holds each message against the policy.
type authorizedStream struct {
	connect.ServerStream

	user *user
}

func (s *authorizedStream) Receive(message any) error {
	begun := time.Now()
	if err := s.ServerStream.Receive(message); err != nil {
		return err
	}
	return allow(s.user, message, begun)
}
