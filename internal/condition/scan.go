package condition

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
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
	request    protoreflect.MessageDescriptor // nil for none
	subject    Subject
	table      atomTable
	reads      []Read
	identities []Identity
	// seen is what is read. Of the principal it is known here where a variable is read that
	// runs over what is of the principal, and by reads otherwise.
	seen   whatIsRead
	claims protoreflect.MessageDescriptor // the type of `principal.claims`; nil for none
	types  map[int64]*types.Type
	facts  Facts
	// constant returns the text of an expression that reads nothing and is one. It is nil
	// where the scan looks at what is read alone.
	constant func(ast.Expr) (string, bool)
	traps    []Trap
	// guards are what the parts around make sure of, by the text of what they are about.
	guards map[string]guard
	// polarity is 1 where the condition holds the more the part holds that is looked at, -1
	// where it holds the less, and 0 where it may be either.
	polarity int
	// variables are those of the comprehensions around, by name.
	variables map[string]variable
	// within is set for a look at a part of the expression by itself, for what it reads
	// and not for what it compares.
	within bool
}

// A variable of a comprehension runs over a list, or over the keys of a map.
type variable struct {
	path       Path       // to a list of the request; nil where it is something else
	of         whatIsRead // by what it runs over
	element    emptiness
	vocabulary string
	literals   []ast.Expr
}

func newScan(env *cel.Env, checked *ast.AST, request, claims protoreflect.MessageDescriptor, subject Subject, facts Facts) *scan {
	constants := constantSearch{env: env, checked: checked}
	s := &scan{
		constant: constants.text,
		request:  request,
		claims:   claims,
		subject:  subject,
		table:    atomTable{source: checked.SourceInfo()},
		types:    checked.TypeMap(),
		facts:    facts,
		polarity: 1,
	}
	s.visit(checked.Expr())
	return s
}

// whatIsRead says of what an expression reads something.
type whatIsRead struct{ request, principal, subject, value bool }

func (w whatIsRead) or(other whatIsRead) whatIsRead {
	return whatIsRead{
		w.request || other.request, w.principal || other.principal,
		w.subject || other.subject, w.value || other.value,
	}
}

// read returns what an expression reads.
func (s *scan) read(expression ast.Expr) whatIsRead {
	within := &scan{request: s.request, subject: s.subject, table: s.table, types: s.types, variables: s.variables, within: true}
	within.visit(expression)
	return within.seen.or(whatIsRead{principal: slices.ContainsFunc(within.reads, isOfPrincipal)})
}

func (s *scan) visit(expression ast.Expr) {
	if !s.within {
		s.look(expression)
	}
	switch expression.Kind() {
	case ast.IdentKind:
		name := expression.AsIdent()
		of, isVariable := s.variables[name]
		switch {
		case isVariable:
			// What it runs over was noted under its own name.
			s.seen = s.seen.or(of.of)
		case name == requestName:
			s.seen.request = true
			s.note(Read{Name: name})
		case name == s.subject.Name:
			s.seen.subject = true
			s.note(Read{Name: name, ofSubject: true})
		case name == valueName && s.subject.Value != nil:
			s.seen.value = true
			s.note(Read{Name: name, ofSubject: true})
		case name == "principal":
			s.note(Read{Name: name})
		}
	case ast.SelectKind:
		s.selection(expression)
	case ast.CallKind:
		s.compare(expression.AsCall())
		s.call(expression.AsCall())
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
		s.comprehension(expression)
	default:
	}
}

// call visits the operands of a call, each with what the others make sure of.
func (s *scan) call(call ast.CallExpr) {
	operands, polarity := operandsOf(call), s.polarity
	defer func() { s.polarity = polarity }()
	switch name := call.FunctionName(); {
	case s.within:
		for _, operand := range operands {
			s.visit(operand)
		}
	case name == operators.LogicalAnd, name == operators.LogicalOr:
		s.guarded(operands[0], name == operators.LogicalAnd, operands[1])
		s.guarded(operands[1], name == operators.LogicalAnd, operands[0])
	case name == operators.LogicalNot:
		s.polarity = -polarity
		s.visit(operands[0])
	case name == operators.Conditional:
		s.polarity = 0
		s.visit(operands[0])
		s.polarity = polarity
		s.guarded(operands[1], true, operands[0])
		s.guarded(operands[2], false, operands[0])
	case name == operators.NotStrictlyFalse:
		// The loop's own condition says again what its step says.
	default:
		s.polarity = 0
		for _, operand := range operands {
			s.visit(operand)
		}
	}
}

func (s *scan) comprehension(expression ast.Expr) {
	loop := expression.AsComprehension()
	s.visit(loop.IterRange())
	var runsOver variable
	if !s.within { // else what it runs over is seen already, once however deep the loops stand in each other
		runsOver.of = s.read(loop.IterRange())
		switch s.macro(expression) {
		case "all":
			s.emptyRange(expression, loop.IterRange(), true)
		case "exists", "exists_one", "existsOne":
			s.emptyRange(expression, loop.IterRange(), false)
		}
		runsOver.element = s.elementEmptiness(loop.IterRange())
		runsOver.vocabulary = s.vocabularyOfElements(loop.IterRange())
		runsOver.literals = s.literalsOfElements(loop.IterRange())
	}
	if path, ok := s.path(loop.IterRange()); ok && path.leaf().IsList() {
		runsOver.path = path
	}
	outside := s.variables
	s.variables = maps.Clone(outside)
	if s.variables == nil {
		s.variables = map[string]variable{}
	}
	s.variables[loop.IterVar()] = runsOver
	// What is made sure of around is not said of a variable of the same name.
	guards := s.guards
	s.guards = maps.Clone(guards)
	maps.DeleteFunc(s.guards, func(text string, _ guard) bool { return mentions(text, loop.IterVar()) })
	defer func() { s.guards = guards }()
	for _, part := range []ast.Expr{loop.AccuInit(), loop.LoopCondition(), loop.LoopStep(), loop.Result()} {
		s.visit(part)
	}
	s.variables = outside
}

func (s *scan) selection(expression ast.Expr) {
	switch path, ok := pathOf(s.request, expression); {
	case s.isOfVariable(expression):
		s.visit(expression.AsSelect().Operand())
	case s.claimsPath(expression) != nil:
		path := s.claimsPath(expression)
		s.note(Read{Name: path.below("principal.claims"), principal: "claims", claims: path})
	case principalField(expression) != "":
		field := principalField(expression)
		s.note(Read{Name: "principal." + field, principal: field})
	case ok:
		s.seen.request = true
		s.note(Read{Name: path.String(), path: path})
	default:
		if path, ok := s.subjectPath(expression); ok {
			s.seen.subject = true
			s.note(Read{Name: path.below(s.subject.Name), subject: path, ofSubject: true})
			return
		}
		s.visit(expression.AsSelect().Operand())
	}
}

// claimsPath returns the fields that an expression selects from the principal's claims, or
// nil.
func (s *scan) claimsPath(expression ast.Expr) Path {
	path, _ := pathFrom(s.claims, isClaims, expression)
	return path
}

// subjectPath returns the fields that an expression selects from the subject.
func (s *scan) subjectPath(expression ast.Expr) (path Path, ok bool) {
	return pathFrom(s.subject.Type, func(of ast.Expr) bool { return isNamed(of, s.subject.Name) }, expression)
}

// isOfVariable reports whether an expression is, or selects from, a variable, which
// may be called like an input.
func (s *scan) isOfVariable(expression ast.Expr) bool {
	_, ok := s.variables[rootOf(expression)]
	return ok
}

// rootOf returns the name that an expression is, or selects from, or "".
func rootOf(expression ast.Expr) string {
	for expression.Kind() == ast.SelectKind {
		expression = expression.AsSelect().Operand()
	}
	return expression.AsIdent()
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
	}
	for _, pair := range pairs {
		if principalField(pair[0]) != "id" || s.isOfVariable(pair[0]) {
			continue
		}
		if s.guards[s.table.text(pair[1])] != 0 {
			continue // the condition itself asks whether it is there
		}
		if identity, ok := s.identity(pair[1]); ok {
			s.identities = append(s.identities, identity)
		}
	}
}

// identity describes what stands across from the principal's id, if it comes from
// the request.
func (s *scan) identity(expression ast.Expr) (identity Identity, ok bool) {
	if !s.read(expression).request {
		return Identity{}, false
	}
	path, _ := s.path(expression)
	return Identity{Path: path, Text: s.table.text(expression)}, true
}

// path returns the fields that an expression selects from the request, or from the
// elements of a list of it, as `member.id` does in
// `request.members.exists(member, member.id == principal.id)`.
func (s *scan) path(expression ast.Expr) (Path, bool) {
	if !s.isOfVariable(expression) {
		return pathOf(s.request, expression)
	}
	name := rootOf(expression)
	over := s.variables[name].path
	if over == nil || expression.Kind() == ast.IdentKind {
		return over, over != nil
	}
	below, ok := pathFrom(over.leaf().Message(), func(of ast.Expr) bool { return isNamed(of, name) }, expression)
	if !ok {
		return nil, false
	}
	return slices.Concat(over, below), true
}

func isOfPrincipal(read Read) bool { return read.Principal() != "" }

// mentions reports whether a name stands in the text of an expression.
func mentions(text, name string) bool {
	isOther := func(r rune) bool { return r != '_' && r != '@' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	return slices.Contains(strings.FieldsFunc(text, isOther), name)
}
