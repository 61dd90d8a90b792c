package action

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/internal/field"
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
		return untaken(ctx, err)
	}
	return nil
}
