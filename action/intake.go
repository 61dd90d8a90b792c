package action

import (
	"context"
	"errors"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/field"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// An intake is what the fields of an action's requests may name and write. It is nil where
// they name none and everyone may write all.
type intake struct {
	names  *field.Naming
	writes *field.Writing
}

func intakeOf(rules *field.Rules, declaration *declare.Declaration) *intake {
	request := declaration.Method.Input()
	made := intake{rules.Naming(request, declaration.Names), rules.Writing(request, declaration.Writing, declaration.Resource)}
	if made.names == nil && made.writes == nil {
		return nil
	}
	return &made
}

// takeIn decides whether the principal may name what the request names, and write what it
// writes. A nil request is that of a stream of which nothing was read.
func (g *gate) takeIn(ctx context.Context, pass *passage, request proto.Message) error {
	if g.intake == nil || request == nil {
		return nil
	}
	if err := g.name(ctx, pass, request); err != nil {
		return err
	}
	if err := g.write(ctx, pass, request); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return interrupted(err)
	}
	pass.stage = event.StageHandle
	return nil
}

// mayTakeIn is takeIn of a request that is not the gate's to change.
func (g *gate) mayTakeIn(ctx context.Context, pass *passage, request proto.Message) error {
	if g.intake == nil {
		return nil
	}
	if g.intake.writes != nil {
		request = proto.Clone(request)
	}
	return g.takeIn(ctx, pass, request)
}

// name decides whether the principal may name what the request names.
func (g *gate) name(ctx context.Context, pass *passage, request proto.Message) error {
	if g.intake.names == nil {
		return nil
	}
	pass.step(event.StageName)
	err := g.intake.names.Check(ctx, field.Reader{Principal: pass.principal, Now: pass.start}, request)
	if err != nil {
		return untaken(ctx, err)
	}
	return nil
}

// untaken is the denial of a request that names or writes what its caller may not. It says what
// the caller wrote, or the field, and nothing that a rule reads.
func untaken(ctx context.Context, err error) *denial {
	if ended := ctx.Err(); ended != nil {
		return interrupted(ended)
	}
	switch {
	case errors.Is(err, field.ErrNames):
		return &denial{public: connect.NewError(connect.CodeInvalidArgument, err.Error()), reason: "the names of fields in the request cannot be read"}
	case errors.Is(err, field.ErrMask):
		return &denial{public: connect.NewError(connect.CodeInvalidArgument, err.Error()), reason: "the mask of the request cannot be read"}
	}
	refused, ok := errors.AsType[field.Refusal](err)
	if !ok {
		return fault(err)
	}
	if why := refused.Unwrap(); why != nil && !errors.Is(why, policy.ErrCost) {
		return fault(err)
	}
	public := connect.NewError(connect.CodePermissionDenied, refused.Public())
	return &denial{public: withErrorInfo(public, "FIELD_NOT_ALLOWED"), reason: err.Error()}
}
