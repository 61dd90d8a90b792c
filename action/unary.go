package action

import (
	"context"
	"errors"

	"connectrpc.com/connect/v2"
)

// Unary ties a unary RPC whose callers authenticate to its handler. Generated code
// calls it.
func Unary[Impl, Req, Res any, ReqP message[Req], ResP message[Res]](
	name string, handle func(Impl, context.Context, *Call[Req]) (*Res, error),
) Method[Impl] {
	return unaryMethod[Impl, Req, Res, ReqP, ResP](name, false, handle == nil,
		func(impl Impl, ctx context.Context, entry *entry[Req]) (*Res, error) {
			return handle(impl, ctx, (*Call[Req])(entry))
		})
}

// AnonymousUnary ties a unary RPC that anyone may call without signing in to its
// handler. Generated code calls it.
func AnonymousUnary[Impl, Req, Res any, ReqP message[Req], ResP message[Res]](
	name string, handle func(Impl, context.Context, *AnonymousCall[Req]) (*Res, error),
) Method[Impl] {
	return unaryMethod[Impl, Req, Res, ReqP, ResP](name, true, handle == nil,
		func(impl Impl, ctx context.Context, entry *entry[Req]) (*Res, error) {
			return handle(impl, ctx, (*AnonymousCall[Req])(entry))
		})
}

func unaryMethod[Impl, Req, Res any, ReqP message[Req], ResP message[Res]](
	name string, anonymous, incomplete bool, handle func(Impl, context.Context, *entry[Req]) (*Res, error),
) Method[Impl] {
	return Method[Impl]{
		shape: shape{
			name:       name,
			stream:     connect.StreamTypeUnary,
			anonymous:  anonymous,
			incomplete: incomplete,
			request:    ReqP(new(Req)),
			response:   ResP(new(Res)),
		},
		serve: func(g *gate, impl Impl) connect.ServerFunc {
			return serveUnary[Req, Res, ReqP, ResP](g, func(ctx context.Context, entry *entry[Req]) (*Res, error) {
				return handle(impl, ctx, entry)
			})
		},
		rehearse: func(g *gate) connect.ServerFunc {
			return serveUnary[Req, Res, ReqP, ResP](g, func(context.Context, *entry[Req]) (*Res, error) {
				return new(Res), nil
			})
		},
	}
}

// errNoResponse is the fault of a handler that returns neither a response nor an
// error.
var errNoResponse = errors.New("the handler returned no response and no error")

// serveUnary puts a gate and a handler together.
func serveUnary[Req, Res any, ReqP message[Req], ResP message[Res]](
	g *gate, handle func(context.Context, *entry[Req]) (*Res, error),
) connect.ServerFunc {
	return func(ctx context.Context, _ connect.Spec, stream connect.ServerStream) (err error) {
		// The request is made in one piece with what leads it through the gate.
		admission := &struct {
			entry   entry[Req]
			request Req
		}{}
		entry := &admission.entry
		entry.passage, entry.message = g.begin(), &admission.request
		if err := entry.enter(ctx, (*gate).admit, stream, ReqP(entry.message)); err != nil {
			return err
		}
		defer entry.recoverHandler(ctx, &err)
		response, err := handle(ctx, entry)
		switch {
		case err != nil:
			return err
		case response == nil:
			return entry.handlerFault(ctx, errNoResponse)
		}
		return stream.Send(ResP(response))
	}
}
