package policy

import (
	"context"
	"fmt"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// A requirement is one condition of a grant, ready to be decided. Each kind is a type
// in a file of its own.
type requirement interface {
	// String is the condition as declared: "any_role admin".
	String() string
	// holds reports whether the condition is true of the input, which has a principal
	// and, where the condition needs it, a request. With an error it does not hold.
	holds(ctx context.Context, input Input) (bool, error)
	// explain reports for an operator whether the condition holds, and what it was
	// looked at with. before is whether all conditions before it in its grant hold. It
	// shows no field marked debug_redact and no whole list.
	explain(ctx context.Context, input Input, before bool) (held bool, why string)
	// reads is what the condition reads of an input.
	reads() []read
}

// compile makes a declared condition ready to be decided. It is the one place that
// knows all kinds; one that it does not know cannot be decided, and so denies.
func compile(declared declare.Condition, by Deciders) requirement {
	switch declared := declared.(type) {
	case declare.AnyRole:
		return anyRole{declared}
	case declare.AllScopes:
		return allScopes{declared}
	case declare.When:
		if declared.Expression != nil {
			return when{declared}
		}
	case declare.CEL:
		if declared.Expression != nil {
			return cel{declared}
		}
	case declare.Check:
		if decide := by.Checks[declared.Name]; decide != nil {
			return check{declared, decide}
		}
	case declare.Relation:
		if of, ok := newRelated(declared, by); ok {
			return of
		}
	}
	return undecidable{declared}
}

// undecidable stands for a condition that nothing here decides. Asking it is a fault.
type undecidable struct{ declared declare.Condition }

// String writes what was declared by way of fmt, which holds a panic: here may be what
// no reader of declarations makes.
func (u undecidable) String() string { return fmt.Sprint(u.declared) }

func (u undecidable) holds(context.Context, Input) (bool, error) {
	return false, fmt.Errorf("nothing decides %q", u.String())
}

func (undecidable) explain(context.Context, Input, bool) (held bool, why string) {
	return false, "nothing decides it"
}

func (undecidable) reads() []read { return nil }
