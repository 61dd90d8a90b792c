package action

import (
	"context"
	"errors"
	"io"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/policy"
	"github.com/sallyport-rpc/sallyport/internal/validation"
)

// A gate is what stands between the wire and one handler. It is compiled at
// registration from the action's declaration and never changes after that.
type gate struct {
	registry  *Registry
	procedure string
	request   protoreflect.FullName
	rules     *validation.Rules
	schemes   []scheme      // empty on an anonymous action, and only there
	maxAge    time.Duration // 0 asks for no fresh sign-in
	conceal   bool          // a denial reads as not_found
	policy    *policy.Policy

	when    sallyportv1.Stream_When // when a stream is authorized; unset on a unary action
	recheck time.Duration           // how long a stream's decision lives
}

// admit is the gate. Authorization may read the request, so the request must be
// sound before any rule reads it; and there must be a principal before anything is
// said of one.
func (g *gate) admit(ctx context.Context, pass *passage, stream connect.ServerStream, request proto.Message) error {
	if err := g.decode(pass, stream, request); err != nil {
		return err
	}
	if err := g.validate(ctx, pass, request); err != nil {
		return err
	}
	if err := g.identify(ctx, pass); err != nil {
		return err
	}
	return g.authorize(ctx, pass, request)
}

// The gates of streams are made of the same four steps.

// authorizesOpen reports whether a stream is authorized before any message.
func (g *gate) authorizesOpen() bool { return g.when == sallyportv1.Stream_OPEN }

// authorizesEvery reports whether every message of a stream is authorized by
// itself.
func (g *gate) authorizesEvery() bool { return g.when == sallyportv1.Stream_EVERY_MESSAGE }

// admitUnread is the gate of a stream of requests that is authorized as it opens.
// Each message is decoded and validated as it comes.
func (g *gate) admitUnread(ctx context.Context, pass *passage, _ connect.ServerStream, _ proto.Message) error {
	if err := g.identify(ctx, pass); err != nil {
		return err
	}
	return g.authorize(ctx, pass, nil)
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
	pass.stage = StageHandle
	return nil
}

// admitFirst is the gate of a stream of requests that is authorized by its first
// message. A stream that ends without one is authenticated and authorized all the
// same.
func (g *gate) admitFirst(ctx context.Context, pass *passage, stream connect.ServerStream, request proto.Message) error {
	err := g.admit(ctx, pass, stream, request)
	if pass.stage == StageDecode && errors.Is(err, io.EOF) {
		pass.ended = true
		return g.admitUnread(ctx, pass, nil, nil)
	}
	return err
}

// admitNext is the gate of a later message of a stream, for the principal that it
// was opened by.
func (g *gate) admitNext(ctx context.Context, pass *passage, stream connect.ServerStream, request proto.Message) error {
	if err := g.decode(pass, stream, request); err != nil {
		return err
	}
	if err := g.validate(ctx, pass, request); err != nil {
		return err
	}
	if g.authorizesEvery() {
		return g.authorize(ctx, pass, request)
	}
	pass.stage = StageHandle
	return nil
}
