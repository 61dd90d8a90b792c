package policy

import (
	"context"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// when holds when a named expression is true.
type when struct{ declare.When }

func (w when) holds(ctx context.Context, input Input) (bool, error) {
	return holds(ctx, w.Expression, &input)
}

func (w when) explain(ctx context.Context, input Input, _ bool) (held bool, why string) {
	return explain(ctx, w.Expression, input)
}

func (w when) reads() []read { return readsOf(w.Expression) }
