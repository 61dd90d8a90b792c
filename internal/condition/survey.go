package condition

import (
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// An Identity is something of the request that a condition compares with the
// principal's id. Were it empty, it would be nobody's.
type Identity struct {
	// Path leads to a string of the request, or to a list of strings. It is nil where
	// the comparison is with something else.
	Path Path
	// Text is what is compared, as it is written.
	Text string
}

// A survey is what an expression reads, found by walking it once.
type survey struct {
	request      protoreflect.MessageDescriptor
	table        atomTable
	reads        []Read
	identities   []Identity
	readsRequest bool
	// elements are the variables of comprehensions, by the list they run over.
	elements map[string]ast.Expr
}

func newSurvey(checked *ast.AST, request protoreflect.MessageDescriptor) *survey {
	s := &survey{
		request:  request,
		table:    atomTable{source: checked.SourceInfo()},
		elements: map[string]ast.Expr{},
	}
	s.visit(checked.Expr())
	return s
}

func (s *survey) visit(expression ast.Expr) {
	switch expression.Kind() {
	case ast.IdentKind:
		switch name := expression.AsIdent(); name {
		case "request":
			s.readsRequest = true
			s.note(Read{Name: name})
		case "principal":
			s.note(Read{Name: name})
		}
	case ast.SelectKind:
		s.selection(expression)
	case ast.CallKind:
		s.compare(expression.AsCall())
		if target := expression.AsCall().Target(); expression.AsCall().IsMemberFunction() {
			s.visit(target)
		}
		for _, argument := range expression.AsCall().Args() {
			s.visit(argument)
		}
	case ast.ListKind:
		for _, element := range expression.AsList().Elements() {
			s.visit(element)
		}
	case ast.MapKind:
		for _, entry := range expression.AsMap().Entries() {
			s.visit(entry.AsMapEntry().Key())
			s.visit(entry.AsMapEntry().Value())
		}
	case ast.StructKind:
		for _, field := range expression.AsStruct().Fields() {
			s.visit(field.AsStructField().Value())
		}
	case ast.ComprehensionKind:
		loop := expression.AsComprehension()
		s.visit(loop.IterRange())
		s.elements[loop.IterVar()] = loop.IterRange()
		for _, part := range []ast.Expr{loop.AccuInit(), loop.LoopCondition(), loop.LoopStep(), loop.Result()} {
			s.visit(part)
		}
	default:
	}
}

func (s *survey) selection(expression ast.Expr) {
	if field := principalField(expression); field != "" {
		s.note(Read{Name: "principal." + field, principal: field})
		return
	}
	if path, ok := pathOf(s.request, expression); ok {
		s.readsRequest = true
		s.note(Read{Name: path.String(), path: path})
		return
	}
	s.visit(expression.AsSelect().Operand())
}

func (s *survey) note(read Read) {
	if !slices.ContainsFunc(s.reads, func(known Read) bool { return known.Name == read.Name }) {
		s.reads = append(s.reads, read)
	}
}

// compare notes what the principal's id is compared with.
func (s *survey) compare(call ast.CallExpr) {
	switch call.FunctionName() {
	case operators.Equals, operators.NotEquals, operators.In:
	default:
		return
	}
	left, right := call.Args()[0], call.Args()[1]
	for _, pair := range [][2]ast.Expr{{left, right}, {right, left}} {
		if principalField(pair[0]) != "id" {
			continue
		}
		if identity, ok := s.identity(pair[1]); ok {
			s.identities = append(s.identities, identity)
		}
	}
}

// identity describes what stands across from the principal's id, if it comes from
// the request.
func (s *survey) identity(expression ast.Expr) (identity Identity, ok bool) {
	if path, ok := pathOf(s.request, expression); ok {
		return Identity{Path: path, Text: path.String()}, true
	}
	below := &survey{request: s.request, table: s.table, elements: map[string]ast.Expr{}}
	below.visit(expression)
	ranges := false
	for name := range s.elements {
		ranges = ranges || mentions(expression, name)
	}
	if !below.readsRequest && !ranges {
		return Identity{}, false
	}
	if path, ok := s.elementPath(expression); ok {
		return Identity{Path: path, Text: s.table.text(expression)}, true
	}
	return Identity{Text: s.table.text(expression)}, true
}

// elementPath returns the path of a field of the elements of a list of the request,
// as `member.id` is in `request.members.exists(member, member.id == principal.id)`.
func (s *survey) elementPath(expression ast.Expr) (Path, bool) {
	var below []string
	for expression.Kind() == ast.SelectKind {
		below = append(below, expression.AsSelect().FieldName())
		expression = expression.AsSelect().Operand()
	}
	if expression.Kind() != ast.IdentKind || s.elements[expression.AsIdent()] == nil {
		return nil, false
	}
	path, ok := pathOf(s.request, s.elements[expression.AsIdent()])
	if !ok || !path.leaf().IsList() {
		return nil, false
	}
	for _, name := range slices.Backward(below) {
		message := path.leaf().Message()
		if message == nil || isWellKnown(message) || message.Fields().ByName(protoreflect.Name(name)) == nil {
			return nil, false
		}
		path = append(path, message.Fields().ByName(protoreflect.Name(name)))
	}
	return path, true
}

// mentions reports whether an expression is, or selects from, a variable.
func mentions(expression ast.Expr, name string) bool {
	for expression.Kind() == ast.SelectKind {
		expression = expression.AsSelect().Operand()
	}
	return expression.Kind() == ast.IdentKind && expression.AsIdent() == name
}
