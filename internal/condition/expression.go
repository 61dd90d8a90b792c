package condition

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// An Expression is a compiled condition. It is immutable and safe for concurrent
// use.
type Expression struct {
	text         string
	program      cel.Program
	readsRequest bool
}

// ReadsRequest reports whether the condition reads `request`. A nil condition reads
// nothing.
func (x *Expression) ReadsRequest() bool { return x != nil && x.readsRequest }

// Input is what a condition reads. The zero Input has no principal, and a
// condition that asks for one fails.
type Input struct {
	Principal *Principal
	Request   proto.Message
	Now       time.Time
}

// Compile type-checks an expression for a request type and makes it ready to run.
// An error that is the expression's own fault is a [*SyntaxError].
func (e *Environment) Compile(text string, request protoreflect.MessageDescriptor) (*Expression, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	env, err := e.forRequest(request)
	if err != nil {
		return nil, err
	}
	compiled, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, newSyntaxError(text, issues)
	}
	if compiled.OutputType() != cel.BoolType {
		return nil, &SyntaxError{Expression: text, Line: 1, Column: 1,
			Problem: fmt.Sprintf("is of type %s; a condition is true or false", compiled.OutputType())}
	}
	program, err := env.Program(compiled,
		cel.EvalOptions(cel.OptOptimize),
		cel.CostLimit(costLimit),
		cel.InterruptCheckFrequency(interruptEvery))
	if err != nil {
		return nil, &SyntaxError{Expression: text, Line: 1, Column: 1, Problem: err.Error()}
	}
	return &Expression{text: text, program: program, readsRequest: reads(compiled, "request")}, nil
}

// reads reports whether an expression names one of its variables.
func reads(compiled *cel.Ast, variable string) bool {
	for _, reference := range compiled.NativeRep().ReferenceMap() {
		if reference.Name == variable {
			return true
		}
	}
	return false
}

// ErrCost says that an evaluation ran over its cost bound.
var ErrCost = errors.New("the condition ran over its cost bound")

// Holds reports whether the condition is true of the input. With an error the
// answer is false: ctx's own error when ctx ended, [ErrCost], or what went wrong
// in the evaluation, without any value of the input.
func (x *Expression) Holds(ctx context.Context, input *Input) (bool, error) {
	result, _, err := x.program.ContextEval(ctx, activation{input})
	if err != nil {
		if ctxErr := ctx.Err(); ctxErr != nil {
			return false, ctxErr
		}
		if cancelled, ok := errors.AsType[interpreter.EvalCancelledError](err); ok && cancelled.Cause == interpreter.CostLimitExceeded {
			return false, ErrCost
		}
		// CEL's own text can quote the value that was not there, such as a map key
		// taken from the request.
		return false, fmt.Errorf("the condition %q could not be evaluated", x.text)
	}
	return result == types.True, nil
}

// activation gives CEL its variables without a map in between.
type activation struct{ *Input }

func (a activation) ResolveName(name string) (any, bool) {
	switch name {
	case "principal":
		return a.Principal, a.Principal != nil
	case "request":
		return a.Request, a.Request != nil
	case "now":
		return a.Now, true
	default:
		return nil, false
	}
}

func (activation) Parent() cel.Activation { return nil }
