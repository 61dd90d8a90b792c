package action

import (
	"context"
	"errors"
	"io"
	"time"

	"buf.build/go/protovalidate"
	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// A gate is what stands between the wire and one handler. It is compiled at
// registration from the action's declaration and never changes after that.
type gate struct {
	registry  *Registry
	procedure string
	validator protovalidate.Validator
	schemes   []scheme      // empty on an anonymous action, and only there
	maxAge    time.Duration // 0 asks for no fresh sign-in
	anyone    bool          // no grant needs to hold
	grants    []grant
	when      sallyportv1.Stream_When // when a stream is authorized; unset on a unary action
}

// admit is the gate: validate, authenticate, authorize, in this order and with no
// way around any of them. Authorization may read the request, so the request must
// be sound before any rule reads it.
func (g *gate) admit(ctx context.Context, pass *passage, stream connect.ServerStream, request proto.Message) error {
	if err := g.read(pass, stream, request); err != nil {
		return err
	}
	return g.permit(ctx, pass, request)
}

// read decodes and validates one request.
func (g *gate) read(pass *passage, stream connect.ServerStream, request proto.Message) error {
	pass.stage = StageDecode
	if err := stream.Receive(request); err != nil {
		return undecoded(err)
	}
	pass.stage = StageValidate
	return g.validate(request)
}

// permit finds out who is calling and whether they may. A nil request is that of a
// stream of which nothing was read: no grant that reads the request holds for it.
func (g *gate) permit(ctx context.Context, pass *passage, request proto.Message) error {
	pass.stage = StageAuthenticate
	principal, err := g.authenticate(ctx, pass.start)
	if err != nil {
		return err
	}
	pass.principal = principal

	pass.stage = StageAuthorize
	verdict, err := g.authorize(ctx, pass.start, principal, request)
	if err != nil || !verdict.allowed {
		return denied(err)
	}
	pass.grant = verdict.grant

	if err := ctx.Err(); err != nil {
		return interrupted(err) // whoever asked is gone, so nothing is done in its name
	}
	pass.stage = StageHandle
	return nil
}

// authorizesOpen reports whether a stream is authorized before any message.
func (g *gate) authorizesOpen() bool { return g.when == sallyportv1.Stream_OPEN }

// admitUnread is the gate of a stream of requests that is authorized as it opens,
// before any message. Each message goes through [gate.read] as it comes.
func (g *gate) admitUnread(ctx context.Context, pass *passage, _ connect.ServerStream, _ proto.Message) error {
	return g.permit(ctx, pass, nil)
}

// admitFirst is the gate of a stream of requests that is authorized by its first
// message. A stream that ends without one is authenticated and authorized all the
// same.
func (g *gate) admitFirst(ctx context.Context, pass *passage, stream connect.ServerStream, request proto.Message) error {
	err := g.admit(ctx, pass, stream, request)
	if pass.stage == StageDecode && errors.Is(err, io.EOF) {
		pass.ended = true
		return g.permit(ctx, pass, nil)
	}
	return err
}

// admitSingle is the gate of a server stream that is authorized as it opens: its
// one request is read after that, and still before the handler starts.
func (g *gate) admitSingle(ctx context.Context, pass *passage, stream connect.ServerStream, request proto.Message) error {
	if err := g.permit(ctx, pass, nil); err != nil {
		return err
	}
	if err := g.read(pass, stream, request); err != nil {
		return err
	}
	pass.stage = StageHandle
	return nil
}

// admitNext is the gate of a later message of a stream.
func (g *gate) admitNext(ctx context.Context, pass *passage, stream connect.ServerStream, request proto.Message) error {
	if err := g.read(pass, stream, request); err != nil {
		return err
	}
	if g.when == sallyportv1.Stream_EVERY_MESSAGE {
		pass.stage = StageAuthorize
		verdict, err := g.authorize(ctx, g.registry.now(), pass.principal, request)
		if err != nil || !verdict.allowed {
			return denied(err)
		}
		pass.grant = verdict.grant
	}
	pass.stage = StageHandle
	return nil
}
