package action

import (
	"context"
	"errors"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/internal/field"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// write decides whether the principal may write the fields that the request writes, and
// takes from it what the handler must not see: what is guarded and not written.
func (g *gate) write(ctx context.Context, pass *passage, request proto.Message) error {
	if g.intake.writes == nil {
		return nil
	}
	pass.step(event.StageWrite)
	err := g.intake.writes.Write(ctx, field.Writer{Principal: pass.principal, Stored: pass.resource(), Now: pass.start}, request)
	if err != nil {
		return unwritten(ctx, err)
	}
	return nil
}

// unwritten is the denial of a request that writes what its caller may not write. It names
// the field, and nothing that its rule reads.
func unwritten(ctx context.Context, err error) *denial {
	if ended := ctx.Err(); ended != nil {
		return interrupted(ended)
	}
	if errors.Is(err, field.ErrMask) {
		return &denial{public: connect.NewError(connect.CodeInvalidArgument, err.Error()), reason: "the mask of the request cannot be read"}
	}
	refused, ok := errors.AsType[*field.RefusedError](err)
	switch {
	case !ok:
		return fault(err)
	case refused.Undecided != nil && !errors.Is(refused.Undecided, policy.ErrCost):
		return fault(err)
	}
	public := connect.NewError(connect.CodePermissionDenied, (&field.RefusedError{Field: refused.Field, Unread: refused.Unread}).Error())
	return &denial{public: withErrorInfo(public, "FIELD_NOT_ALLOWED"), reason: err.Error()}
}
