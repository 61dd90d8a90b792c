package policy

import (
	"context"
	"strings"

	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// cel holds when an expression is true.
type cel struct{ declare.CEL }

func (c cel) holds(ctx context.Context, input Input) (bool, error) {
	return holds(ctx, c.Expression, &input)
}

func (c cel) explain(ctx context.Context, input Input, _ bool) (held bool, why string) {
	return explain(ctx, c.Expression, input)
}

func (c cel) reads() []read { return readsOf(c.Expression) }

// holds reports whether an expression is true of an input.
func holds(ctx context.Context, expression *condition.Expression, input *Input) (bool, error) {
	of := conditionInput(input)
	return expression.Holds(ctx, &of)
}

func conditionInput(input *Input) condition.Input {
	return condition.Input{Principal: input.Principal, Request: input.Request, Now: input.Now, Subject: input.Resource, Value: input.Value}
}

// explain shows the values that an expression was evaluated with.
func explain(ctx context.Context, expression *condition.Expression, input Input) (held bool, why string) {
	of := conditionInput(&input)
	truth, err := expression.Truth(ctx, &of)
	if err != nil {
		return false, err.Error()
	}
	held = truth == condition.True
	var values strings.Builder
	add := func(name, what string) {
		if values.Len() > 0 {
			values.WriteString(", ")
		}
		values.WriteString(name)
		values.WriteString(what)
	}
	for _, read := range expression.Reads() {
		if read.OfSubject() {
			add(read.Name, " is not shown")
			continue
		}
		if value := read.Value(of); value != "" {
			add(read.Name, " is "+value)
		}
	}
	for _, missing := range expression.Missing(ctx, of, truth) {
		add(missing, " is not set")
	}
	return held, values.String()
}

const (
	noRequest  = "there was no request to read"
	noResource = "there was no resource to read"
)

// readsOf is what an expression reads.
func readsOf(expression *condition.Expression) []read {
	all := expression.Reads()
	reads := make([]read, len(all))
	for i := range all {
		reads[i] = read{name: all[i].Name, of: all[i]}
	}
	return reads
}
