package condition

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// worlds are what a condition says in two: where nothing of the subject is set, so that
// scalars without presence read as their zero values, and where all reads of it are absent.
type worlds struct{ unset, absent Truth }

// An unsetSearch looks at a condition in both worlds, for every truth of the parts that
// depend on the caller.
type unsetSearch struct {
	*scan

	constants constantSearch
	subject   protoreflect.Message // with nothing set
	bits      map[string]int       // of the parts that may be true or false, by their text
}

// lookAtUnset notes a condition that is true of a subject of which nothing is set, for a
// caller for whom it is not true where every read of the subject is absent: a field that
// is not there, or that a newer schema has, would let that caller in.
func (s *scan) lookAtUnset(env *cel.Env, checked *ast.AST) {
	search := &unsetSearch{
		scan: s, constants: constantSearch{env: env, checked: checked},
		subject: dynamicpb.NewMessage(s.subject.Type), bits: map[string]int{},
	}
	says := search.formula(checked.Expr())
	trap := Trap{Kind: AdmitsEmpty, Text: s.table.text(checked.Expr())}
	if len(search.bits) > maxAtoms {
		s.trap(trap) // too many to try
		return
	}
	for values := range uint64(1) << len(search.bits) {
		if said := says(values); said.unset == True && said.absent != True {
			s.trap(trap)
			return
		}
	}
}

// formula looks into the connectives; the rest are parts of it.
func (u *unsetSearch) formula(expression ast.Expr) func(values uint64) worlds {
	operands := operandsOf(expression.AsCall())
	of := func(connect func(says ...Truth) Truth) func(uint64) worlds {
		formulas := make([]func(uint64) worlds, len(operands))
		for i, operand := range operands {
			formulas[i] = u.formula(operand)
		}
		return func(values uint64) worlds {
			unset, absent := make([]Truth, len(formulas)), make([]Truth, len(formulas))
			for i, formula := range formulas {
				said := formula(values)
				unset[i], absent[i] = said.unset, said.absent
			}
			return worlds{connect(unset...), connect(absent...)}
		}
	}
	switch expression.AsCall().FunctionName() {
	case operators.LogicalAnd:
		return of(func(says ...Truth) Truth { return decidedBy(False, says) })
	case operators.LogicalOr:
		return of(func(says ...Truth) Truth { return decidedBy(True, says) })
	case operators.LogicalNot:
		return of(func(says ...Truth) Truth { return negated(says[0]) })
	case operators.Conditional:
		return of(func(says ...Truth) Truth {
			switch says[0] {
			case True:
				return says[1]
			case False:
				return says[2]
			default:
				return Absent
			}
		})
	default:
		return u.part(expression)
	}
}

// decidedBy connects truths of which one decides alone, and what is absent is kept
// otherwise.
func decidedBy(decides Truth, says []Truth) Truth {
	connected := negated(decides)
	for _, said := range says {
		switch said {
		case decides:
			return decides
		case Absent:
			connected = Absent
		default:
		}
	}
	return connected
}

func negated(said Truth) Truth {
	switch said {
	case True:
		return False
	case False:
		return True
	default:
		return said
	}
}

// part is a part of the condition that no connective makes.
func (u *unsetSearch) part(expression ast.Expr) func(values uint64) worlds {
	constant := func(unset, absent Truth) func(uint64) worlds {
		return func(uint64) worlds { return worlds{unset, absent} }
	}
	reads := u.read(expression).subject
	if value, ok := u.value(expression).(types.Bool); ok {
		// What is so with nothing else known is so of every caller.
		said := truthOf(bool(value))
		if reads {
			return constant(said, Absent)
		}
		return constant(said, said)
	}
	if reads && u.isAlone(expression) {
		return constant(Absent, Absent)
	}
	if reads {
		call := expression.AsCall()
		for _, operand := range operandsOf(call) {
			if u.isAlone(operand) && u.value(operand) == nil {
				return constant(Absent, Absent) // no call has a value where one of its operands has none
			}
		}
		switch operands := operandsOf(call); {
		case call.FunctionName() == operators.Equals && u.areUnequal(operands[0], operands[1]),
			call.FunctionName() == operators.In && u.isNotAmong(operands[0], operands[1]):
			return constant(False, Absent)
		case call.FunctionName() == operators.NotEquals && u.areUnequal(operands[0], operands[1]):
			return constant(True, Absent)
		}
	}
	text := u.table.text(expression)
	if _, known := u.bits[text]; !known {
		u.bits[text] = len(u.bits)
	}
	bit := uint64(1) << min(u.bits[text], 63) // beyond the limit no formula is evaluated
	return func(values uint64) worlds {
		said := truthOf(values&bit != 0)
		if reads {
			return worlds{said, Absent}
		}
		return worlds{said, said}
	}
}

// areUnequal reports whether two values differ for every caller, of a subject with nothing
// set: one is empty, and the other is not.
func (u *unsetSearch) areUnequal(left, right ast.Expr) bool {
	for _, pair := range [][2]ast.Expr{{left, right}, {right, left}} {
		if isZero(u.value(pair[0])) && !u.emptiness(pair[1]).maybe {
			return true
		}
	}
	return false
}

// isNotAmong is areUnequal of a value and every element of a list, or key of a map.
func (u *unsetSearch) isNotAmong(element, list ast.Expr) bool {
	return isZero(u.value(list)) || isZero(u.value(element)) && !u.elementEmptiness(list).maybe
}

// value returns the value of a part where nothing but the subject is known, of which
// nothing is set. It is nil where the part has none.
func (u *unsetSearch) value(part ast.Expr) ref.Val {
	value, _, err := u.constants.valueOf(part, unsetSubject{u.scan.subject.Name, u.subject})
	if err != nil {
		return nil
	}
	return value
}

// isAlone reports whether a part reads the subject and nothing else.
func (u *unsetSearch) isAlone(part ast.Expr) bool {
	reads := u.read(part)
	return reads == whatIsRead{subject: true} && !mentions(u.table.text(part), "now")
}

// isZero reports whether a value is the empty one of its type, or has no elements. None is
// neither.
func isZero(value ref.Val) bool {
	zero, ok := value.(traits.Zeroer)
	return ok && zero.IsZeroValue()
}

// unsetSubject gives CEL the subject, and nothing else.
type unsetSubject struct {
	name    string
	subject protoreflect.Message
}

// ResolveName implements [cel.Activation].
func (a unsetSubject) ResolveName(name string) (any, bool) {
	return a.subject.Interface(), name == a.name
}

// Parent implements [cel.Activation].
func (unsetSubject) Parent() cel.Activation { return nil }
