package action

import (
	"context"
	"time"

	"buf.build/go/protovalidate"
	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
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
}

// admit is the gate. A call reaches its handler only through the last line of it.
//
// The order is fixed: authorization may read the request, so the request must be
// sound before any rule reads it, and there must be a principal for it to speak of.
func (g *gate) admit(ctx context.Context, pass *passage, stream connect.ServerStream, request proto.Message) error {
	pass.stage = StageDecode
	if err := stream.Receive(request); err != nil {
		return undecoded(err)
	}

	pass.stage = StageValidate
	if err := g.validate(request); err != nil {
		return err
	}

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
