package action

import (
	"context"
	"errors"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/internal/field"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// An answered is what an answer is sent on: a passage or a stream.
type answered interface {
	// reader is who reads the answer.
	reader() field.Reader
	// seen is what elements of the answer are looked at with, and what they were before the
	// caller was looked at again.
	seen() (seen policy.Input, earlier []policy.Input)
	// clear remembers what was cleared from the answer.
	clear(cleared field.Cleared)
}

// answer sends a response, when each of its elements belongs in it, and without what its
// reader may not read. Every response leaves its action through it. A response that what
// serves the registry refuses to encode is no fault of the handler: the caller holds too
// much of the server.
func (g *gate) answer(ctx context.Context, stream connect.ServerStream, response proto.Message, to answered) error {
	if g.each != nil {
		if err := g.holdEach(ctx, response, to); err != nil {
			return err
		}
	}
	if g.fields != nil {
		left, cleared, err := g.readable(ctx, response, to.reader())
		to.clear(cleared)
		if err != nil {
			return err
		}
		response = left
	}
	err := stream.Send(response)
	// Connect makes a fault of what a codec returns, and keeps that beneath it.
	for below := err; below != nil; below = errors.Unwrap(below) {
		if refused, ok := errors.AsType[*connect.Error](below); ok && refused.Code() == connect.CodeResourceExhausted && !refused.IsRemote() {
			return &denial{public: refused, reason: "the response was not sent: " + refused.Message()}
		}
	}
	return err
}
