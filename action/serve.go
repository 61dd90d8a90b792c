package action

import (
	"context"
	"errors"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/internal/unguarded"
)

// errNoResponse is the fault of a handler that returns neither a response nor an
// error.
var errNoResponse = errors.New("the handler returned no response and no error")

// serve puts a gate and a method's handler together.
func (g *gate) serve(method unguarded.Method) connect.ServerFunc {
	switch method.Stream {
	case connect.StreamTypeUnary:
		return g.serveUnary(method)
	case connect.StreamTypeServer:
		return g.serveSingle(method)
	default:
		return g.serveRequests(method)
	}
}

// serveUnary serves a unary RPC.
func (g *gate) serveUnary(method unguarded.Method) connect.ServerFunc {
	return func(ctx context.Context, _ connect.Spec, stream connect.ServerStream) (err error) {
		request, call, _ := method.New()
		pass := call.(kindOfCall).take(request) //nolint:forcetypeassert // every maker makes one
		pass.gate = g
		if err := pass.enter(ctx, (*gate).admit, stream, request); err != nil {
			return err
		}
		defer pass.recoverHandler(ctx, &err)
		response, err := method.Handle(ctx, call, nil)
		switch {
		case err != nil:
			return err
		case response == nil:
			return pass.handlerFault(ctx, errNoResponse)
		}
		return g.answer(stream, response)
	}
}

// answer sends a response. Every response that leaves an action leaves through it.
func (*gate) answer(stream connect.ServerStream, response proto.Message) error {
	return stream.Send(response)
}

// serveRequests serves a stream of requests, with one response or many.
func (g *gate) serveRequests(method unguarded.Method) connect.ServerFunc {
	return func(ctx context.Context, _ connect.Spec, source connect.ServerStream) (err error) {
		request, requests, _ := method.New()
		stream := g.stream(ctx, source)
		stream.first = request
		requests.(kindOfStream).carry(stream) //nolint:forcetypeassert // every maker makes one
		defer stream.close(&err)
		if err := stream.open(); err != nil {
			return err
		}
		defer stream.recoverHandler(stream.ctx, &err)
		response, err := method.Handle(stream.ctx, requests, nil)
		switch {
		case err != nil || method.Stream == connect.StreamTypeBidi:
			return err
		case stream.denial.Load() != nil:
			return stream.denial.Load() // nothing is sent on a stream that the gate ended
		case response == nil:
			return stream.handlerFault(ctx, errNoResponse)
		}
		return g.answer(source, response)
	}
}

// serveSingle serves a stream of responses to a single request.
func (g *gate) serveSingle(method unguarded.Method) connect.ServerFunc {
	return func(ctx context.Context, _ connect.Spec, source connect.ServerStream) (err error) {
		request, call, responses := method.New()
		pass := call.(kindOfCall).take(request) //nolint:forcetypeassert // every maker makes one
		stream := g.stream(ctx, source)
		responses.(kindOfStream).carry(stream) //nolint:forcetypeassert // every maker makes one
		defer stream.close(&err)
		step := step((*gate).admit)
		if g.authorizesOpen() {
			step = (*gate).admitSingle
		}
		if err := stream.enter(stream.ctx, step, streamSource{stream}, request); err != nil {
			return err
		}
		stream.begin(request)
		*pass = stream.passage
		defer stream.recoverHandler(stream.ctx, &err)
		_, err = method.Handle(stream.ctx, call, responses)
		return err
	}
}

// rehearsal returns a method without its handler: what a gate lets through is
// answered with an empty response.
func rehearsal(method unguarded.Method) unguarded.Method {
	method.Handle = func(_ context.Context, call, _ any) (proto.Message, error) {
		if requests, ok := call.(kindOfStream); ok {
			if err := requests.drain(); err != nil {
				return nil, err
			}
		}
		return method.Response.ProtoReflect().New().Interface(), nil
	}
	return method
}
