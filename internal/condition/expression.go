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

	"github.com/sallyport-rpc/sallyport/authn"
)

// An Expression is a compiled condition. It is immutable and safe for concurrent
// use.
type Expression struct {
	text         string
	request      protoreflect.MessageDescriptor
	native       predicate   // nil where the condition is not a common one
	program      cel.Program // evaluates what native does not
	reads        []Read
	identities   []Identity
	constancy    Constancy
	readsRequest bool
}

// Text returns the expression as it was written.
func (x *Expression) Text() string { return x.text }

// Constancy reports whether the condition depends on anything.
func (x *Expression) Constancy() Constancy { return x.constancy }

// Reads lists what the condition reads of the principal and of the request, each
// once, in the order of the expression.
func (x *Expression) Reads() []Read { return x.reads }

// Identities lists what the condition compares with the principal's id.
func (x *Expression) Identities() []Identity { return x.identities }

// ReadsRequest reports whether the condition reads `request`. A nil condition reads
// nothing.
func (x *Expression) ReadsRequest() bool { return x != nil && x.readsRequest }

// Input is what a condition reads. The zero Input has no principal, and a
// condition that asks for one fails.
type Input struct {
	Principal *authn.Principal
	Request   proto.Message
	Now       time.Time
}

// Compile type-checks an expression for a request type and makes it ready to run.
// An error that is the expression's own fault is a [*SyntaxError].
func (e *Environment) Compile(text string, request protoreflect.MessageDescriptor) (*Expression, error) {
	env, err := e.forFile(request.ParentFile())
	if err != nil {
		return nil, err
	}
	// The type of `request` is for the check alone and not kept with the program.
	checker, err := env.Extend(cel.Variable("request", cel.ObjectType(string(request.FullName()))))
	if err != nil {
		return nil, fmt.Errorf("read the type of %s: %w", request.FullName(), err)
	}
	compiled, issues := checker.Compile(text)
	if issues.Err() != nil {
		return nil, newSyntaxError(checker, text, issues)
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
	checked := compiled.NativeRep()
	scanned := newScan(checked, request)
	return &Expression{
		text:         text,
		request:      request,
		native:       native(checked, request),
		program:      program,
		reads:        scanned.reads,
		identities:   scanned.identities,
		constancy:    constancy(checked),
		readsRequest: scanned.readsRequest,
	}, nil
}

// ErrCost says that an evaluation ran over its cost limit.
var ErrCost = errors.New("the condition ran over its cost limit")

// Holds reports whether the condition is true of the input. With an error the
// answer is false: ctx's own error when ctx ended, [ErrCost], or what went wrong
// in the evaluation, without any value of the input.
func (x *Expression) Holds(ctx context.Context, input *Input) (bool, error) {
	if x.native != nil && input.Principal != nil && input.Request != nil {
		// A message of another descriptor, though it be of the same name, has other
		// fields to Go.
		if request := input.Request.ProtoReflect(); request.Descriptor() == x.request {
			if said := x.native(input.Principal, request); said != askCEL {
				return said == yes, nil
			}
		}
	}
	return x.evaluate(ctx, *input)
}

// evaluate is Holds by CEL alone.
func (x *Expression) evaluate(ctx context.Context, input Input) (bool, error) {
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
type activation struct{ Input }

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
