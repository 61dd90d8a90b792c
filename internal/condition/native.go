package condition

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/authn"
)

// A predicate is a condition as Go code. It cannot fail: what could, but for what is
// absent, is left to CEL.
type predicate func(principal *authn.Principal, request protoreflect.Message) Truth

// native turns the common conditions into Go code: equality of fields of the
// principal and the request, membership in lists, has(), and and, or, not over
// those. It returns nil for any other, which CEL evaluates.
//
// It must say of every input what CEL says, its cost limit included; a test holds
// the two against each other.
func native(checked *ast.AST, message protoreflect.MessageDescriptor, name string) predicate {
	return newTranslation(checked, message, name).predicate(checked.Expr())
}

// unloaded is native of a condition while the subject that it reads is not known: each
// part that reads it is absent. The message is the request.
func unloaded(checked *ast.AST, request protoreflect.MessageDescriptor, scanned *scan) predicate {
	translated := newTranslation(checked, request, requestName)
	translated.unknown = func(part ast.Expr) bool { return scanned.read(part).subject }
	return translated.predicate(checked.Expr())
}

func newTranslation(checked *ast.AST, message protoreflect.MessageDescriptor, name string) translation {
	return translation{
		checked: checked, message: message, name: name,
		longest: costLimit / 2 / max(1, len(checked.TypeMap())),
	}
}

// path returns the fields that an expression selects from the message, one after the other.
func (t translation) path(expression ast.Expr) (Path, bool) {
	return pathFrom(t.message, func(of ast.Expr) bool { return isNamed(of, t.name) }, expression)
}

// isUnknown reports whether a part is absent since it reads what is not known. What
// connects parts is looked into: it may be decided by others.
func (t translation) isUnknown(expression ast.Expr) bool {
	if t.unknown == nil {
		return false
	}
	if expression.Kind() == ast.CallKind {
		switch expression.AsCall().FunctionName() {
		case operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot:
			return false
		}
	}
	return t.unknown(expression)
}

// A translation is of one expression.
type translation struct {
	checked *ast.AST
	// message is what the predicate is given, besides the principal, and name is what the
	// expression calls it.
	message protoreflect.MessageDescriptor
	name    string
	// unknown reports whether a part reads what is not known. It is nil where all is.
	unknown func(ast.Expr) bool
	// longest is how many elements or bytes a value may have that the predicate looks
	// through: so many that CEL, were it to do the same in every part of the
	// expression, would stay within half of its cost limit.
	longest int
}

func (t translation) predicate(expression ast.Expr) predicate {
	if t.isUnknown(expression) {
		return func(*authn.Principal, protoreflect.Message) Truth { return Absent }
	}
	switch expression.Kind() {
	case ast.LiteralKind:
		if value, ok := expression.AsLiteral().(types.Bool); ok {
			return func(*authn.Principal, protoreflect.Message) Truth { return truthOf(bool(value)) }
		}
	case ast.SelectKind:
		return t.selection(expression)
	case ast.CallKind:
		return t.call(expression.AsCall())
	default:
	}
	return nil
}

// selection translates has() and a field that is true or false.
func (t translation) selection(expression ast.Expr) predicate {
	path, ok := t.path(expression)
	switch {
	case !ok:
		return nil
	case expression.AsSelect().IsTestOnly():
		above, leaf := path.above(), path.leaf()
		return func(_ *authn.Principal, request protoreflect.Message) Truth {
			message, ok := above(request)
			if !ok {
				return Absent
			}
			return truthOf(message.Has(leaf))
		}
	case isSingular(path.leaf()) && path.leaf().Kind() == protoreflect.BoolKind:
		flag := fieldTerm(path, protoreflect.Value.Bool)
		return func(p *authn.Principal, request protoreflect.Message) Truth {
			holds, ok := flag(p, request)
			if !ok {
				return Absent
			}
			return truthOf(holds)
		}
	default:
		return nil
	}
}

func (t translation) call(call ast.CallExpr) predicate {
	arguments := call.Args()
	switch call.FunctionName() {
	case operators.LogicalAnd:
		return inTurn(t.predicate(arguments[0]), t.predicate(arguments[1]), False)
	case operators.LogicalOr:
		return inTurn(t.predicate(arguments[0]), t.predicate(arguments[1]), True)
	case operators.LogicalNot:
		return not(t.predicate(arguments[0]))
	case operators.Equals:
		return t.equality(arguments[0], arguments[1])
	case operators.NotEquals:
		return not(t.equality(arguments[0], arguments[1]))
	case operators.In:
		return t.membership(arguments[0], arguments[1])
	default:
	}
	return nil
}

// inTurn asks left, and right unless left decides: false decides `and`, true decides
// `or`. What is absent decides nothing, and stays absent unless right decides.
func inTurn(left, right predicate, decides Truth) predicate {
	if left == nil || right == nil {
		return nil
	}
	return func(p *authn.Principal, r protoreflect.Message) Truth {
		said := left(p, r)
		if said == decides || said == askCEL {
			return said
		}
		other := right(p, r)
		if said == Absent && other != decides && other != askCEL {
			return Absent
		}
		return other
	}
}

// not turns true and false around, and keeps what is absent.
func not(of predicate) predicate {
	if of == nil {
		return nil
	}
	return func(p *authn.Principal, r protoreflect.Message) Truth {
		switch said := of(p, r); said {
		case False:
			return True
		case True:
			return False
		default:
			return said
		}
	}
}

// equality translates the equality of two values of one type.
func (t translation) equality(left, right ast.Expr) predicate {
	if owns := t.ownership(left, right); owns != nil {
		return owns
	}
	if owns := t.ownership(right, left); owns != nil {
		return owns
	}
	if a, b := t.text(left), t.text(right); a != nil && b != nil {
		longest := t.longest
		return func(p *authn.Principal, r protoreflect.Message) Truth {
			one, isOne := a(p, r)
			other, isOther := b(p, r)
			switch {
			case !isOne || !isOther:
				return Absent
			case len(one) > longest && len(other) > longest:
				return askCEL
			}
			return truthOf(one == other)
		}
	}
	if a, b := t.number(left), t.number(right); a != nil && b != nil {
		return func(p *authn.Principal, r protoreflect.Message) Truth {
			one, isOne := a(p, r)
			other, isOther := b(p, r)
			if !isOne || !isOther {
				return Absent
			}
			return truthOf(one == other)
		}
	}
	if a, b := t.predicate(left), t.predicate(right); a != nil && b != nil {
		return func(p *authn.Principal, r protoreflect.Message) Truth {
			one, other := a(p, r), b(p, r)
			switch {
			case one == askCEL || other == askCEL:
				return askCEL
			case one == Absent || other == Absent:
				return Absent
			}
			return truthOf(one == other)
		}
	}
	return nil
}

// ownership translates the most common comparison of all, that of the principal's id with
// a field, without calls of its terms through variables. It returns nil for any other.
func (t translation) ownership(id, field ast.Expr) predicate {
	if principalField(id) != "id" || id.AsSelect().IsTestOnly() || field.Kind() != ast.SelectKind || field.AsSelect().IsTestOnly() {
		return nil
	}
	path, ok := t.path(field)
	if !ok || len(path) != 1 {
		return nil
	}
	leaf, longest := path.leaf(), t.longest
	if leaf.Kind() != protoreflect.StringKind || mayBeAbsent(leaf) { // no list is compared with a text
		return nil
	}
	return func(p *authn.Principal, r protoreflect.Message) Truth {
		one, other := p.ID(), r.Get(leaf).String()
		if len(one) > longest && len(other) > longest {
			return askCEL
		}
		return truthOf(one == other)
	}
}
