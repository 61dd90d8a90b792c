package condition

import (
	"maps"
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// An Identity is something of the request that a condition compares with the
// principal's id. An empty id is no principal's.
type Identity struct {
	// Path leads to a string of the request, or to a list of strings. It is nil where
	// the comparison is with something else.
	Path Path
	// Text is what is compared, as it is written.
	Text string
}

// A scan is what an expression reads, found by walking it once.
type scan struct {
	request      protoreflect.MessageDescriptor
	table        atomTable
	reads        []Read
	identities   []Identity
	readsRequest bool
	// variables are those of the comprehensions around, by name.
	variables map[string]variable
	// within is set for a look at a part of the expression by itself, for what it reads
	// and not for what it compares.
	within bool
}

// A variable of a comprehension runs over a list, or over the keys of a map.
type variable struct {
	path      Path // to a list of the request; nil where it is something else
	ofRequest bool
}

func newScan(checked *ast.AST, request protoreflect.MessageDescriptor) *scan {
	s := &scan{
		request: request,
		table:   atomTable{source: checked.SourceInfo()},
	}
	s.visit(checked.Expr())
	return s
}

func (s *scan) visit(expression ast.Expr) {
	switch expression.Kind() {
	case ast.IdentKind:
		name := expression.AsIdent()
		of, isVariable := s.variables[name]
		switch {
		case isVariable:
			// What it runs over was noted under its own name.
			s.readsRequest = s.readsRequest || of.ofRequest
		case name == "request":
			s.readsRequest = true
			s.note(Read{Name: name})
		case name == "principal":
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
		s.comprehension(expression.AsComprehension())
	default:
	}
}

func (s *scan) comprehension(loop ast.ComprehensionExpr) {
	before := s.readsRequest
	s.readsRequest = false
	s.visit(loop.IterRange())
	runsOver := variable{ofRequest: s.readsRequest}
	s.readsRequest = s.readsRequest || before
	if path, ok := s.path(loop.IterRange()); ok && path.leaf().IsList() {
		runsOver.path = path
	}
	outside := s.variables
	s.variables = maps.Clone(outside)
	if s.variables == nil {
		s.variables = map[string]variable{}
	}
	s.variables[loop.IterVar()] = runsOver
	for _, part := range []ast.Expr{loop.AccuInit(), loop.LoopCondition(), loop.LoopStep(), loop.Result()} {
		s.visit(part)
	}
	s.variables = outside
}

func (s *scan) selection(expression ast.Expr) {
	switch path, ok := pathOf(s.request, expression); {
	case s.isOfVariable(expression):
		s.visit(expression.AsSelect().Operand())
	case principalField(expression) != "":
		field := principalField(expression)
		s.note(Read{Name: "principal." + field, principal: field})
	case ok:
		s.readsRequest = true
		s.note(Read{Name: path.String(), path: path})
	default:
		s.visit(expression.AsSelect().Operand())
	}
}

// isOfVariable reports whether an expression is, or selects from, a variable, which
// may be called like an input.
func (s *scan) isOfVariable(expression ast.Expr) bool {
	for expression.Kind() == ast.SelectKind {
		expression = expression.AsSelect().Operand()
	}
	if expression.Kind() != ast.IdentKind {
		return false
	}
	_, ok := s.variables[expression.AsIdent()]
	return ok
}

func (s *scan) note(read Read) {
	if !slices.ContainsFunc(s.reads, func(known Read) bool { return known.Name == read.Name }) {
		s.reads = append(s.reads, read)
	}
}

// compare notes what the principal's id is compared with.
func (s *scan) compare(call ast.CallExpr) {
	if s.within {
		return
	}
	operands := call.Args()
	if call.IsMemberFunction() {
		operands = append([]ast.Expr{call.Target()}, operands...)
	}
	var pairs [][2]ast.Expr
	switch call.FunctionName() {
	case operators.Equals, operators.NotEquals, operators.In:
		pairs = [][2]ast.Expr{{operands[0], operands[1]}, {operands[1], operands[0]}}
	case overloads.StartsWith, overloads.EndsWith, overloads.Contains, overloads.Matches:
		// Every text starts with, ends with and contains the empty one.
		pairs = [][2]ast.Expr{{operands[0], operands[1]}}
	}
	for _, pair := range pairs {
		if principalField(pair[0]) != "id" || s.isOfVariable(pair[0]) {
			continue
		}
		if identity, ok := s.identity(pair[1]); ok {
			s.identities = append(s.identities, identity)
		}
	}
}

// identity describes what stands across from the principal's id, if it comes from
// the request.
func (s *scan) identity(expression ast.Expr) (identity Identity, ok bool) {
	within := &scan{request: s.request, table: s.table, variables: s.variables, within: true}
	within.visit(expression)
	if !within.readsRequest {
		return Identity{}, false
	}
	path, ok := s.path(expression)
	if ok && !s.isOfVariable(expression) {
		return Identity{Path: path, Text: path.String()}, true
	}
	return Identity{Path: path, Text: s.table.text(expression)}, true
}

// path returns the fields that an expression selects from the request, or from the
// elements of a list of it, as `member.id` does in
// `request.members.exists(member, member.id == principal.id)`.
func (s *scan) path(expression ast.Expr) (Path, bool) {
	if !s.isOfVariable(expression) {
		return pathOf(s.request, expression)
	}
	var below []string
	for expression.Kind() == ast.SelectKind {
		below = append(below, expression.AsSelect().FieldName())
		expression = expression.AsSelect().Operand()
	}
	path := slices.Clone(s.variables[expression.AsIdent()].path)
	if path == nil {
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
