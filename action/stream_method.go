package action

import (
	"context"
	"errors"
	"io"

	"connectrpc.com/connect/v2"
)

// ClientStreaming ties a client-streaming RPC whose callers authenticate to its
// handler. Generated code calls it.
func ClientStreaming[Impl, Req, Res any, ReqP message[Req], ResP message[Res]](
	name string, handle func(Impl, context.Context, *ClientStream[Req]) (*Res, error),
) Method[Impl] {
	return clientStreaming[Impl, Req, Res, ReqP, ResP](name, false, handle == nil,
		func(impl Impl, ctx context.Context, in *intake[Req]) (*Res, error) {
			return handle(impl, ctx, (*ClientStream[Req])(in))
		})
}

// AnonymousClientStreaming ties a client-streaming RPC that anyone may call without
// signing in to its handler. Generated code calls it.
func AnonymousClientStreaming[Impl, Req, Res any, ReqP message[Req], ResP message[Res]](
	name string, handle func(Impl, context.Context, *AnonymousClientStream[Req]) (*Res, error),
) Method[Impl] {
	return clientStreaming[Impl, Req, Res, ReqP, ResP](name, true, handle == nil,
		func(impl Impl, ctx context.Context, in *intake[Req]) (*Res, error) {
			return handle(impl, ctx, (*AnonymousClientStream[Req])(in))
		})
}

// ServerStreaming ties a server-streaming RPC whose callers authenticate to its
// handler. Generated code calls it.
func ServerStreaming[Impl, Req, Res any, ReqP message[Req], ResP message[Res]](
	name string, handle func(Impl, context.Context, *Call[Req], *ServerStream[Res]) error,
) Method[Impl] {
	return serverStreaming[Impl, Req, Res, ReqP, ResP](name, false, handle == nil,
		func(impl Impl, ctx context.Context, entry *entry[Req], out *ServerStream[Res]) error {
			return handle(impl, ctx, (*Call[Req])(entry), out)
		})
}

// AnonymousServerStreaming ties a server-streaming RPC that anyone may call without
// signing in to its handler. Generated code calls it.
func AnonymousServerStreaming[Impl, Req, Res any, ReqP message[Req], ResP message[Res]](
	name string, handle func(Impl, context.Context, *AnonymousCall[Req], *ServerStream[Res]) error,
) Method[Impl] {
	return serverStreaming[Impl, Req, Res, ReqP, ResP](name, true, handle == nil,
		func(impl Impl, ctx context.Context, entry *entry[Req], out *ServerStream[Res]) error {
			return handle(impl, ctx, (*AnonymousCall[Req])(entry), out)
		})
}

// BidiStreaming ties a bidirectional RPC whose callers authenticate to its handler.
// Generated code calls it.
func BidiStreaming[Impl, Req, Res any, ReqP message[Req], ResP message[Res]](
	name string, handle func(Impl, context.Context, *BidiStream[Req, Res]) error,
) Method[Impl] {
	return bidiStreaming[Impl, Req, Res, ReqP, ResP](name, false, handle == nil,
		func(impl Impl, ctx context.Context, in *intake[Req]) error {
			return handle(impl, ctx, (*BidiStream[Req, Res])(in))
		})
}

// AnonymousBidiStreaming ties a bidirectional RPC that anyone may call without
// signing in to its handler. Generated code calls it.
func AnonymousBidiStreaming[Impl, Req, Res any, ReqP message[Req], ResP message[Res]](
	name string, handle func(Impl, context.Context, *AnonymousBidiStream[Req, Res]) error,
) Method[Impl] {
	return bidiStreaming[Impl, Req, Res, ReqP, ResP](name, true, handle == nil,
		func(impl Impl, ctx context.Context, in *intake[Req]) error {
			return handle(impl, ctx, (*AnonymousBidiStream[Req, Res])(in))
		})
}

func clientStreaming[Impl, Req, Res any, ReqP message[Req], ResP message[Res]](
	name string, anonymous, incomplete bool, handle func(Impl, context.Context, *intake[Req]) (*Res, error),
) Method[Impl] {
	serve := func(g *gate, handle func(context.Context, *intake[Req]) (*Res, error)) connect.ServerFunc {
		return serveIntake[Req, ReqP](g, func(ctx context.Context, in *intake[Req]) error {
			response, err := handle(ctx, in)
			switch {
			case err != nil:
				return err
			case in.denial.Load() != nil:
				return in.denial.Load() // nothing is sent on a stream that the gate ended
			case response == nil:
				return in.handlerFault(ctx, errNoResponse)
			}
			return in.source.Send(ResP(response))
		})
	}
	return Method[Impl]{
		shape: shape{name: name, stream: connect.StreamTypeClient, anonymous: anonymous, incomplete: incomplete, request: ReqP(new(Req)), response: ResP(new(Res))},
		serve: func(g *gate, impl Impl) connect.ServerFunc {
			return serve(g, func(ctx context.Context, in *intake[Req]) (*Res, error) { return handle(impl, ctx, in) })
		},
		rehearse: func(g *gate) connect.ServerFunc {
			return serve(g, func(_ context.Context, in *intake[Req]) (*Res, error) { return new(Res), drain(in) })
		},
	}
}

func bidiStreaming[Impl, Req, Res any, ReqP message[Req], ResP message[Res]](
	name string, anonymous, incomplete bool, handle func(Impl, context.Context, *intake[Req]) error,
) Method[Impl] {
	return Method[Impl]{
		shape: shape{name: name, stream: connect.StreamTypeBidi, anonymous: anonymous, incomplete: incomplete, request: ReqP(new(Req)), response: ResP(new(Res))},
		serve: func(g *gate, impl Impl) connect.ServerFunc {
			return serveIntake[Req, ReqP](g, func(ctx context.Context, in *intake[Req]) error { return handle(impl, ctx, in) })
		},
		rehearse: func(g *gate) connect.ServerFunc {
			return serveIntake[Req, ReqP](g, func(_ context.Context, in *intake[Req]) error { return drain(in) })
		},
	}
}

func serverStreaming[Impl, Req, Res any, ReqP message[Req], ResP message[Res]](
	name string, anonymous, incomplete bool, handle func(Impl, context.Context, *entry[Req], *ServerStream[Res]) error,
) Method[Impl] {
	return Method[Impl]{
		shape: shape{name: name, stream: connect.StreamTypeServer, anonymous: anonymous, incomplete: incomplete, request: ReqP(new(Req)), response: ResP(new(Res))},
		serve: func(g *gate, impl Impl) connect.ServerFunc {
			return serveSingle[Req, Res, ReqP](g, func(ctx context.Context, entry *entry[Req], out *ServerStream[Res]) error {
				return handle(impl, ctx, entry, out)
			})
		},
		rehearse: func(g *gate) connect.ServerFunc {
			return serveSingle[Req, Res, ReqP](g, func(context.Context, *entry[Req], *ServerStream[Res]) error { return nil })
		},
	}
}

// serveIntake puts a gate and the handler of a stream of requests together.
func serveIntake[Req any, ReqP message[Req]](g *gate, handle func(context.Context, *intake[Req]) error) connect.ServerFunc {
	return func(ctx context.Context, _ connect.Spec, source connect.ServerStream) (err error) {
		in := &intake[Req]{streaming: g.stream(ctx, source), first: new(Req)}
		defer in.close(&err)
		if err := in.open(ReqP(in.first)); err != nil {
			return err
		}
		defer in.recoverHandler(in.ctx, &err)
		return handle(in.ctx, in)
	}
}

// serveSingle puts a gate and the handler of a stream of responses together.
func serveSingle[Req, Res any, ReqP message[Req]](g *gate, handle func(context.Context, *entry[Req], *ServerStream[Res]) error) connect.ServerFunc {
	return func(ctx context.Context, _ connect.Spec, source connect.ServerStream) (err error) {
		out := &ServerStream[Res]{g.stream(ctx, source)}
		defer out.close(&err)
		entry := &entry[Req]{message: new(Req)}
		step := step((*gate).admit)
		if g.authorizesOpen() {
			step = (*gate).admitSingle
		}
		if err := out.enter(out.ctx, step, intakeSource{out.streaming}, ReqP(entry.message)); err != nil {
			return err
		}
		out.begin(ReqP(entry.message))
		entry.passage = out.passage
		defer out.recoverHandler(out.ctx, &err)
		return handle(out.ctx, entry, out)
	}
}

// drain reads a stream of requests to its end.
func drain[Req any](in *intake[Req]) error {
	for {
		if _, err := in.receive(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
