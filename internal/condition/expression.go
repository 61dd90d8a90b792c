package condition

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/authn"
)

// An Expression is a compiled condition. It is immutable and safe for concurrent
// use.
type Expression struct {
	text         string
	env          *cel.Env                       // parses the text again
	request      protoreflect.MessageDescriptor // nil where there is none
	subject      Subject
	value        *types.FieldType // reads `value`; nil where there is none
	native       predicate        // nil where the condition is not a common one
	unloaded     predicate        // the same while the subject is not known; nil where it is not read
	program      cel.Program      // evaluates what native does not
	reads        []Read
	identities   []Identity
	constancy    Constancy
	readsRequest bool
	readsSubject bool
	readsValue   bool
	// ofSubject is whether native is of the subject, in place of the request.
	ofSubject bool
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

// ReadsSubject reports whether the condition reads the message that it is about, by its
// name. A nil condition reads nothing.
func (x *Expression) ReadsSubject() bool { return x != nil && x.readsSubject }

// ReadsValue reports whether the condition reads `value`. A nil condition reads nothing.
func (x *Expression) ReadsValue() bool { return x != nil && x.readsValue }

// Input is what a condition reads. The zero Input has no principal, and a
// condition that asks for one fails.
type Input struct {
	Principal *authn.Principal
	Request   proto.Message
	// Now is when the call is looked at. Conditions read it cut to microseconds.
	Now time.Time
	// Subject is what the condition is about, of the type of [Subject]. Where it is nil every
	// read of it is absent.
	Subject proto.Message
	// Value is the message with the field that is read as `value`, as it would become. Where
	// it is nil, or the field is absent in it, every read of `value` is absent.
	Value proto.Message
}

// Compile type-checks an expression for a request type and makes it ready to run. With nil
// there is no `request`.
// An error that is the expression's own fault is a [*SyntaxError].
func (e *Environment) Compile(text string, request protoreflect.MessageDescriptor) (*Expression, error) {
	expression, _, err := e.compile(text, request, Facts{}, false)
	return expression, err
}

// Examine is Compile, and returns the traps of the expression as well, by what is known
// of the action. A part that reads nothing and has no value, such as `1 / 0`, is a
// [*SyntaxError] too.
func (e *Environment) Examine(text string, request protoreflect.MessageDescriptor, facts Facts) (*Expression, []Trap, error) {
	return e.compile(text, request, facts, true)
}

func (e *Environment) compile(text string, request protoreflect.MessageDescriptor, facts Facts, examine bool) (*Expression, []Trap, error) {
	var file protoreflect.FileDescriptor
	if request != nil {
		file = request.ParentFile()
	}
	env, err := e.forFile(file)
	if err != nil {
		return nil, nil, err
	}
	value := e.subject.valueType(env)
	checker, err := env.Extend(variables(request, e.subject, value)...)
	if err != nil {
		return nil, nil, fmt.Errorf("read the types of a condition: %w", err)
	}
	compiled, issues := checker.Compile(text)
	if issues.Err() != nil {
		return nil, nil, newSyntaxError(checker, text, issues)
	}
	if compiled.OutputType() != cel.BoolType {
		return nil, nil, &SyntaxError{Expression: text, Line: 1, Column: 1,
			Problem: fmt.Sprintf("is of type %s; a condition is true or false", compiled.OutputType())}
	}
	checked := compiled.NativeRep()
	if examine {
		if fault := failingConstant(env, text, checked); fault != nil {
			return nil, nil, fault
		}
	}
	program, err := env.Program(compiled,
		cel.EvalOptions(cel.OptOptimize),
		cel.CostLimit(costLimit),
		cel.InterruptCheckFrequency(interruptEvery))
	if err != nil {
		return nil, nil, &SyntaxError{Expression: text, Line: 1, Column: 1, Problem: err.Error()}
	}
	scanned := newScan(env, checked, request, e.claims, e.subject, facts)
	if examine && scanned.seen.subject {
		scanned.lookAtUnset(env, checked)
	}
	expression := &Expression{
		text:         text,
		env:          env,
		request:      request,
		subject:      e.subject,
		value:        value,
		program:      program,
		reads:        scanned.reads,
		identities:   scanned.identities,
		constancy:    constancy(checked, facts),
		readsRequest: scanned.seen.request,
		readsSubject: scanned.seen.subject,
		readsValue:   scanned.seen.value,
	}
	switch {
	case !scanned.seen.subject && request != nil:
		expression.native = native(checked, request, requestName)
	case !scanned.seen.request && e.subject.Type != nil:
		expression.native, expression.ofSubject = native(checked, e.subject.Type, e.subject.Name), true
	}
	if scanned.seen.subject {
		expression.unloaded = unloaded(checked, request, scanned)
	}
	return expression, scanned.traps, nil
}

// variables are those that a condition has besides `principal` and `now`. Their types are
// for the check alone and not kept with the program.
func variables(request protoreflect.MessageDescriptor, subject Subject, value *types.FieldType) []cel.EnvOption {
	var declared []cel.EnvOption
	if request != nil {
		declared = append(declared, cel.Variable(requestName, cel.ObjectType(string(request.FullName()))))
	}
	if subject.Type != nil {
		declared = append(declared, cel.Variable(subject.Name, cel.ObjectType(string(subject.Type.FullName()))))
	}
	if value != nil {
		declared = append(declared, cel.Variable(valueName, value.Type))
	}
	return declared
}

// valueType is how `value` is read: as the field itself is, in a message. It is nil where
// there is none.
func (s Subject) valueType(env *cel.Env) *types.FieldType {
	if s.Value == nil {
		return nil
	}
	of, _ := env.CELTypeProvider().FindStructFieldType(string(s.Value.ContainingMessage().FullName()), string(s.Value.Name()))
	return of
}

// ErrCost says that an evaluation ran over its cost limit.
var ErrCost = errors.New("the condition ran over its cost limit")

// Holds reports whether the condition is true of the input. With an error the
// answer is false: ctx's own error when ctx ended, [ErrCost], or a fault of this
// package. What is absent is no error.
func (x *Expression) Holds(ctx context.Context, input *Input) (bool, error) {
	truth, err := x.Truth(ctx, input)
	return truth == True && err == nil, err
}

// Truth returns what the condition says of the input. With an error, which is as
// those of [Expression.Holds], it is [False].
func (x *Expression) Truth(ctx context.Context, input *Input) (Truth, error) {
	if x.native != nil && input.Principal != nil {
		message, kind := input.Request, x.request
		if x.ofSubject {
			message, kind = input.Subject, x.subject.Type
		}
		// A message of another descriptor, though it be of the same name, has other
		// fields to Go.
		if message != nil {
			if message := message.ProtoReflect(); message.Descriptor() == kind {
				if said := x.native(input.Principal, message); said != askCEL {
					return said, nil
				}
			}
		}
	}
	truth, _, err := x.evaluate(ctx, *input)
	return truth, err
}

// MayHold reports whether the condition could be true of the input, if the subject were
// known, which it is not. It may say so of a condition that is true of no subject, and
// never says the opposite of one that is true of some. An error is as those of
// [Expression.Holds].
func (x *Expression) MayHold(ctx context.Context, input *Input) (bool, error) {
	if !x.readsSubject {
		return x.Holds(ctx, input)
	}
	if x.unloaded != nil && input.Principal != nil && input.Request != nil {
		if request := input.Request.ProtoReflect(); request.Descriptor() == x.request {
			if said := x.unloaded(input.Principal, request); said != askCEL {
				return said != False, nil
			}
		}
	}
	without := *input
	without.Subject = nil
	// What is absent is kept by what reads it, and absorbed by what does not depend on it:
	// what is false all the same is true of no subject.
	truth, _, err := x.evaluate(ctx, without)
	return truth != False && err == nil, err
}

// evaluate is Truth by CEL alone. Where that is absent, missing is the id of the part
// of the expression that has no value, or 0 where that is not known.
func (x *Expression) evaluate(ctx context.Context, input Input) (truth Truth, missing int64, err error) {
	result, absent, err := x.run(ctx, x.program, input)
	switch {
	case err != nil:
		return False, 0, err
	case absent != nil:
		return Absent, absent.NodeID(), nil
	default:
		return truthOf(result == types.True), 0, nil
	}
}

// run evaluates a program of the condition, or of a part of it. Where it has no value, and
// where there is an error, value is nil; absent says in the first case why.
func (x *Expression) run(ctx context.Context, program cel.Program, input Input) (value ref.Val, absent *types.Err, err error) {
	value, _, err = program.ContextEval(ctx, activation{input, x})
	// CEL absorbs the error by which a loop says that it was interrupted.
	if ended := ctx.Err(); ended != nil {
		return nil, nil, ended
	}
	if err == nil {
		return value, nil, nil
	}
	// The limit of its cost is the only one that a program has.
	if _, ok := errors.AsType[interpreter.EvalCancelledError](err); ok {
		return nil, nil, ErrCost
	}
	// CEL's own text can quote the value that was not there, such as a map key taken
	// from the request.
	if failed, ok := errors.AsType[*types.Err](err); ok {
		return nil, failed, nil
	}
	return nil, nil, fmt.Errorf("the condition %q could not be evaluated", x.text)
}

// Missing names the values that are not there and that the condition reads, and, where
// it is absent for another reason, the part of it that has no value. truth is what
// [Expression.Truth] says of the input. It is for explanations, and shows no value of the
// input.
func (x *Expression) Missing(ctx context.Context, input Input, truth Truth) []string {
	var missing []string
	for _, read := range x.reads {
		if read.OfSubject() {
			return nil // what a subject has is not for explanations
		}
		if name := read.Missing(input); name != "" && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 || truth != Absent {
		return missing
	}
	if truth, part, _ := x.evaluate(ctx, input); truth == Absent {
		missing = append(missing, x.part(part))
	}
	return missing
}

// part returns the text of a part of the expression, and all of it where the part is
// not known.
func (x *Expression) part(id int64) string {
	if parsed, issues := x.env.Parse(x.text); issues.Err() == nil {
		tree := parsed.NativeRep()
		found := ast.MatchDescendants(ast.NavigateAST(tree), func(node ast.NavigableExpr) bool { return node.ID() == id })
		if len(found) > 0 {
			if text, err := cel.ExprToString(found[0], tree.SourceInfo()); err == nil {
				return text
			}
		}
	}
	return strings.Join(strings.Fields(x.text), " ")
}

// cut cuts a time to microseconds, which is what databases keep of one: `now` is the same
// in a condition and in what is made of it for a database.
func cut(now time.Time) time.Time { return now.Truncate(time.Microsecond) }

// activation gives CEL its variables without a map in between.
type activation struct {
	Input

	of *Expression
}

func (a activation) ResolveName(name string) (any, bool) {
	switch name {
	case "principal":
		return a.Principal, a.Principal != nil
	case requestName:
		return a.Request, a.Request != nil
	case "now":
		return cut(a.Now), true
	case valueName:
		if a.of.value == nil || a.Value == nil {
			return nil, false
		}
		value, err := a.of.value.GetFrom(a.Value)
		return value, err == nil
	case a.of.subject.Name:
		return a.Subject, a.Subject != nil
	default:
		return nil, false
	}
}

func (activation) Parent() cel.Activation { return nil }
