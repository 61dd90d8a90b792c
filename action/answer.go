package action

import (
	"context"
	"errors"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/internal/field"
)

// answer sends a response, without what its reader may not read. Every response leaves its
// action through it. A response that what serves the registry refuses to encode is no fault
// of the handler: the caller holds too much of the server.
func (g *gate) answer(ctx context.Context, stream connect.ServerStream, response proto.Message, reader field.Reader) (field.Cleared, error) {
	var cleared field.Cleared
	if g.fields != nil {
		var err error
		if response, cleared, err = g.readable(ctx, response, reader); err != nil {
			return cleared, err
		}
	}
	return cleared, sendResponse(stream, response)
}

func sendResponse(stream connect.ServerStream, response proto.Message) error {
	err := stream.Send(response)
	// Connect makes a fault of what a codec returns, and keeps that beneath it.
	for below := err; below != nil; below = errors.Unwrap(below) {
		if refused, ok := errors.AsType[*connect.Error](below); ok && refused.Code() == connect.CodeResourceExhausted && !refused.IsRemote() {
			return &denial{public: refused, reason: "the response was not sent: " + refused.Message()}
		}
	}
	return err
}
