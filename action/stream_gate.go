package action

import (
	"context"
	"errors"
	"io"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action/event"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/unguarded"
)

// serve puts a gate and a method's handler together.
func (g *gate) serve(method unguarded.Method) connect.ServerFunc {
	switch method.Stream {
	case connect.StreamTypeUnary:
		return g.serveUnary(method)
	case connect.StreamTypeServer:
		return g.serveResponses(method)
	default:
		return g.serveRequests(method)
	}
}

// serveRequests serves a stream of requests, with one response or many.
func (g *gate) serveRequests(method unguarded.Method) connect.ServerFunc {
	return func(ctx context.Context, _ connect.Spec, source connect.ServerStream) (err error) {
		request, requests, _ := method.New()
		stream := g.newStream(ctx, source)
		requests.(kindOfStream).carry(stream) //nolint:forcetypeassert // every maker makes one
		defer stream.finish(&err)
		if g.authorizesOpen() {
			err = stream.open((*gate).admitUnread, nil)
		} else if err = stream.open((*gate).admitFirst, request); !stream.drained {
			stream.first = request
		}
		if err != nil {
			return // finish answers what the stream ended with
		}
		defer recoverHandler(&err)
		err = errNoReturn
		response, err := method.Handle(stream.ctx, requests, nil)
		if err != nil || method.Stream == connect.StreamTypeBidi {
			return err
		}
		if response == nil {
			return errNoResponse
		}
		return unsent(stream.send(response))
	}
}

// serveResponses serves a stream of responses to a single request.
func (g *gate) serveResponses(method unguarded.Method) connect.ServerFunc {
	admit := step((*gate).admit)
	if g.authorizesOpen() {
		admit = (*gate).admitSingle
	}
	return func(ctx context.Context, _ connect.Spec, source connect.ServerStream) (err error) {
		request, call, responses := method.New()
		stream := g.newStream(ctx, source)
		responses.(kindOfStream).carry(stream) //nolint:forcetypeassert // every maker makes one
		defer stream.finish(&err)
		if err = stream.open(admit, request); err != nil {
			return // finish answers what the stream ended with
		}
		*call.(kindOfCall).take(request) = stream.passage //nolint:forcetypeassert // every maker makes one
		defer recoverHandler(&err)
		err = errNoReturn
		_, err = method.Handle(stream.ctx, call, responses)
		return err
	}
}

// streams reports whether the action is a stream.
func (g *gate) streams() bool { return g.timing != sallyportv1.Stream_TIMING_UNSPECIFIED }

// authorizesOpen reports whether a stream is authorized before any message.
func (g *gate) authorizesOpen() bool { return g.timing == sallyportv1.Stream_OPEN }

// authorizesEvery reports whether every message of a stream is authorized by
// itself.
func (g *gate) authorizesEvery() bool { return g.timing == sallyportv1.Stream_EVERY_MESSAGE }

// admitUnread is the gate of a stream of requests that is authorized as it opens.
// Each message is decoded and validated as it comes.
func (g *gate) admitUnread(ctx context.Context, pass *passage, _ connect.ServerStream, _ proto.Message) error {
	if err := g.limitCall(ctx, pass); err != nil {
		return err
	}
	return g.permit(ctx, pass, nil)
}

// admitSingle is the gate of a server stream that is authorized as it opens: its
// one request is read after that, and still before the handler starts.
func (g *gate) admitSingle(ctx context.Context, pass *passage, stream connect.ServerStream, request proto.Message) error {
	if err := g.admitUnread(ctx, pass, nil, nil); err != nil {
		return err
	}
	if err := g.decode(pass, stream, request); err != nil {
		return err
	}
	if err := g.validate(ctx, pass, request); err != nil {
		return err
	}
	pass.stage = event.StageHandle
	return g.takeIn(ctx, pass, request)
}

// admitFirst is the gate of a stream of requests that is authorized by its first
// message. A stream that ends without one is authenticated and authorized all the
// same.
func (g *gate) admitFirst(ctx context.Context, pass *passage, stream connect.ServerStream, request proto.Message) error {
	err := g.admit(ctx, pass, stream, request)
	if pass.stage == event.StageDecode && errors.Is(err, io.EOF) {
		return g.permit(ctx, pass, nil)
	}
	return err
}

// admitNext is the gate of a later message of a stream, for the principal that its
// caller was last found to be.
func (g *gate) admitNext(ctx context.Context, pass *passage, stream connect.ServerStream, request proto.Message) error {
	if err := g.decode(pass, stream, request); err != nil {
		return err
	}
	if err := g.validate(ctx, pass, request); err != nil {
		return err
	}
	return g.admitAnew(ctx, pass, nil, request)
}

// admitAnew is the rest of [gate.admitNext], for a message that was decoded and validated:
// what depends on who the caller was found to be.
func (g *gate) admitAnew(ctx context.Context, pass *passage, _ connect.ServerStream, request proto.Message) error {
	pass.stage = event.StageHandle
	if g.authorizesEvery() {
		if err := g.decide(ctx, pass, request); err != nil {
			return err
		}
	}
	return g.takeIn(ctx, pass, request)
}
