package condition

import (
	"context"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A FormKind says which form a part of a condition has, as to its subject.
type FormKind uint8

// The forms.
const (
	// FormOther: the part reads the subject in a way that no other form says. Part
	// evaluates it with the subject. It is the zero FormKind.
	FormOther FormKind = iota
	// FormKnown: the part does not read the subject. Part evaluates it without.
	FormKnown
	// FormAnd, FormOr, FormNot: they connect Forms.
	FormAnd
	FormOr
	FormNot
	// FormChoice: Part is true or false, and says which of the two Forms decides.
	FormChoice
	// FormHas: whether the field at Path is set.
	FormHas
	// FormEquals, FormLess, FormLessEquals, FormGreater, FormGreaterEquals: the field at Path,
	// compared with the value of Part.
	FormEquals
	FormLess
	FormLessEquals
	FormGreater
	FormGreaterEquals
	// FormAmong: the field at Path is among the values of Part.
	FormAmong
	// FormContains: the repeated field at Path has the value of Part.
	FormContains
)

// A Form is a part of a condition, by what it asks of the subject. It says of every subject
// what the part does, when its own parts were evaluated.
type Form struct {
	Kind  FormKind
	Forms []*Form
	// Path is into the subject. All that it passes through are messages. A wrapper, such as
	// StringValue, is passed through to its value.
	Path Path
	Part *Part
}

// Form returns what the condition asks of its subject. It is made anew at each call, and is
// for those that look at conditions before any call comes.
func (x *Expression) Form() (*Form, error) {
	tree, err := x.Tree()
	if err != nil {
		return nil, err
	}
	made := formation{
		Expression: x,
		checked:    tree,
		scan: &scan{
			request: x.request, subject: x.subject, table: atomTable{source: tree.SourceInfo()},
			types: tree.TypeMap(), within: true,
		},
	}
	form := made.form(tree.Expr())
	return form, made.failed
}

// A formation takes one expression apart.
type formation struct {
	*Expression

	checked *ast.AST
	scan    *scan
	failed  error
}

func (f *formation) form(expression ast.Expr) *Form {
	if !f.scan.read(expression).subject {
		return &Form{Kind: FormKnown, Part: f.part(expression)}
	}
	switch expression.Kind() {
	case ast.SelectKind:
		path, ok := f.scan.subjectPath(expression)
		switch {
		case !ok:
		case expression.AsSelect().IsTestOnly():
			return &Form{Kind: FormHas, Path: path}
		case len(scalarPath(path)) > 0:
			return &Form{Kind: FormEquals, Path: scalarPath(path), Part: &Part{value: types.True}}
		}
	case ast.CallKind:
		if form := f.call(expression.AsCall()); form != nil {
			return form
		}
	default:
	}
	return &Form{Kind: FormOther, Part: f.part(expression)}
}

// scalarPath is the path to a scalar that can be compared, and nil where it is none.
func scalarPath(path Path) Path {
	leaf := path.leaf()
	if !isSingular(leaf) {
		return nil
	}
	if message := leaf.Message(); message != nil {
		switch message.FullName() {
		case "google.protobuf.Timestamp":
			return path
		case "google.protobuf.StringValue", "google.protobuf.BoolValue", "google.protobuf.Int32Value",
			"google.protobuf.Int64Value", "google.protobuf.UInt32Value", "google.protobuf.UInt64Value":
			return append(slices.Clip(path), message.Fields().ByName("value"))
		default:
			return nil
		}
	}
	if isComparable(leaf) {
		return path
	}
	return nil
}

func isComparable(leaf protoreflect.FieldDescriptor) bool {
	switch leaf.Kind() {
	case protoreflect.FloatKind, protoreflect.DoubleKind, protoreflect.BytesKind, protoreflect.MessageKind, protoreflect.GroupKind:
		return false
	default:
		return true
	}
}

// field returns the path of a part that is a field of the subject, to be compared.
func (f *formation) field(expression ast.Expr) Path {
	if expression.Kind() != ast.SelectKind || expression.AsSelect().IsTestOnly() {
		return nil
	}
	if path, ok := f.scan.subjectPath(expression); ok {
		return scalarPath(path)
	}
	return nil
}

// call returns the form of a call that reads the subject, and nil where it has none.
func (f *formation) call(call ast.CallExpr) *Form {
	operands := operandsOf(call)
	several := func(kind FormKind) *Form {
		form := &Form{Kind: kind}
		for _, operand := range operands {
			form.Forms = append(form.Forms, f.form(operand))
		}
		return form
	}
	switch name := call.FunctionName(); name {
	case operators.LogicalAnd:
		return several(FormAnd)
	case operators.LogicalOr:
		return several(FormOr)
	case operators.LogicalNot:
		return several(FormNot)
	case operators.Conditional:
		if f.scan.read(operands[0]).subject {
			return nil
		}
		return &Form{Kind: FormChoice, Part: f.part(operands[0]), Forms: []*Form{f.form(operands[1]), f.form(operands[2])}}
	case operators.Equals:
		return f.comparison(FormEquals, FormEquals, operands)
	case operators.NotEquals:
		if equal := f.comparison(FormEquals, FormEquals, operands); equal != nil {
			return &Form{Kind: FormNot, Forms: []*Form{equal}}
		}
	case operators.Less:
		return f.order(FormLess, FormGreater, operands)
	case operators.LessEquals:
		return f.order(FormLessEquals, FormGreaterEquals, operands)
	case operators.Greater:
		return f.order(FormGreater, FormLess, operands)
	case operators.GreaterEquals:
		return f.order(FormGreaterEquals, FormLessEquals, operands)
	case operators.In:
		return f.membership(operands[0], operands[1])
	}
	return nil
}

// comparison is of a field and what does not read the subject, in either order.
func (f *formation) comparison(kind, turned FormKind, operands []ast.Expr) *Form {
	for i, operand := range operands {
		path, other := f.field(operand), operands[1-i]
		if path == nil || f.scan.read(other).subject {
			continue
		}
		if i == 1 {
			kind = turned
		}
		return &Form{Kind: kind, Path: path, Part: f.part(other)}
	}
	return nil
}

// order is comparison of what has a form of order: CEL's order of false and true has none.
func (f *formation) order(kind, turned FormKind, operands []ast.Expr) *Form {
	form := f.comparison(kind, turned, operands)
	if form == nil || form.Path.leaf().Kind() == protoreflect.BoolKind {
		return nil
	}
	return form
}

func (f *formation) membership(element, among ast.Expr) *Form {
	elementReads, amongReads := f.scan.read(element).subject, f.scan.read(among).subject
	switch {
	case among.Kind() == ast.ListKind && len(among.AsList().Elements()) == 0:
		return &Form{Kind: FormKnown, Part: &Part{value: types.False}} // CEL does not look at the element
	case !amongReads:
		if path := f.field(element); path != nil {
			return &Form{Kind: FormAmong, Path: path, Part: f.part(among)}
		}
	case !elementReads && among.Kind() == ast.SelectKind && !among.AsSelect().IsTestOnly():
		path, ok := f.scan.subjectPath(among)
		if ok && path.leaf().IsList() && isComparable(path.leaf()) {
			return &Form{Kind: FormContains, Path: path, Part: f.part(element)}
		}
	}
	return nil
}

// A Part is a part of a condition that is evaluated by itself. It is immutable and safe for
// concurrent use.
type Part struct {
	of      *Expression
	program cel.Program
	value   ref.Val // in place of a program
}

func (f *formation) part(expression ast.Expr) *Part {
	alone := ast.NewCheckedAST(ast.NewAST(expression, f.checked.SourceInfo()), f.checked.TypeMap(), f.checked.ReferenceMap())
	program, err := f.env.PlanProgram(alone,
		cel.EvalOptions(cel.OptOptimize),
		cel.CostLimit(costLimit),
		cel.InterruptCheckFrequency(interruptEvery))
	if err != nil {
		f.failed = err
	}
	return &Part{of: f.Expression, program: program}
}

// evaluate returns the value of the part: nil where it is absent, and with an error.
func (p *Part) evaluate(ctx context.Context, input *Input) (ref.Val, error) {
	if p.value != nil {
		return p.value, nil
	}
	value, _, err := p.of.run(ctx, p.program, *input)
	return value, err
}

// Truth returns what the part says, which is true or false. An error is as those of
// [Expression.Truth].
func (p *Part) Truth(ctx context.Context, input *Input) (Truth, error) {
	value, err := p.evaluate(ctx, input)
	switch {
	case err != nil:
		return False, err
	case value == nil:
		return Absent, nil
	default:
		return truthOf(value == types.True), nil
	}
}

// Value returns the value of the part: a bool, int64, uint64, string or time.Time. ok is
// false where it is absent. An error is as those of [Expression.Truth].
func (p *Part) Value(ctx context.Context, input *Input) (value any, ok bool, err error) {
	of, err := p.evaluate(ctx, input)
	value, ok = plain(of)
	return value, ok, err
}

// Values returns the elements of the part, which is a list, or the keys, where it is a map.
// ok is false where the list is absent. An error is as those of [Expression.Truth].
func (p *Part) Values(ctx context.Context, input *Input) (values []any, ok bool, err error) {
	of, err := p.evaluate(ctx, input)
	list, ok := of.(traits.Iterable)
	if !ok {
		return nil, false, err
	}
	for next := list.Iterator(); next.HasNext() == types.True; {
		// An element of another type is equal to none.
		if value, ok := plain(next.Next()); ok {
			values = append(values, value)
		}
	}
	return values, true, nil
}

// plain is a value as Go has it. ok is false for one of another type, and for none.
func plain(value ref.Val) (any, bool) {
	switch value := value.(type) {
	case types.Bool:
		return bool(value), true
	case types.Int:
		return int64(value), true
	case types.Uint:
		return uint64(value), true
	case types.String:
		return string(value), true
	case types.Timestamp:
		return value.Time, true
	default:
		return nil, false
	}
}
