package condition

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
)

// A TrapKind is a way in which a condition may mean something else than it says.
type TrapKind int

// The kinds of traps.
const (
	// ComparesMessages: whole messages are compared, of which a part may be absent.
	ComparesMessages TrapKind = iota + 1
	// ComparesNull: a value is compared with null, where `has()` asks.
	ComparesNull
	// LosesType: `dyn()`, or a list, map or ternary of several types, reads around the
	// types that say what may be absent.
	LosesType
	// ReadsAny: the content of a google.protobuf.Any is read.
	ReadsAny
	// ChosenPattern: the pattern of `matches()` is not written in the condition.
	ChosenPattern
	// ChosenPart: the caller, or a subject, gives the prefix, suffix or part that a text is
	// to have, or the text that is to have a part of the principal's.
	ChosenPart
	// EmptyList: the condition is true of a list without elements, which may come.
	EmptyList
	// BothEmpty: two values are compared that may both be empty.
	BothEmpty
	// UnknownName: a role, scope or scheme is named that there is not.
	UnknownName
	// UnknownZone: a time zone is named that there is not.
	UnknownZone
	// ChosenZone: the caller sends the time zone in which a part of a time is read.
	ChosenZone
	// AdmitsEmpty: the condition is true of a subject of which nothing is set, and would
	// not be if what it reads of it were absent.
	AdmitsEmpty
)

// A Trap is a place in a condition that may mean something else than it says.
type Trap struct {
	Kind TrapKind
	// Text is the part of the condition.
	Text string
	// Paths lead to the fields of the request that a validation rule could keep from
	// being empty, for EmptyList and BothEmpty. There may be none.
	Paths []Path
	// Name is the name that is not known, for UnknownName and UnknownZone; Of says what it
	// should name ("role"), and Known are those that there are. For ChosenZone it is the
	// expression that gives the zone.
	Name  string
	Of    string
	Known []string

	at int // where Name is in the condition, in characters
}

// Facts are what is known of the action that a condition is for. The zero Facts know
// nothing.
type Facts struct {
	// Schemes, Roles and Scopes are the names that there are. Nil stands for not known.
	Schemes, Roles, Scopes []string
	// MayBeEmpty reports whether the validation rules of the request let be empty what a
	// path leads to or, so asked, an element or a key of it. Of what has presence it is
	// about the value that is set. Nil stands for rules that let everything be empty.
	MayBeEmpty func(path Path, element bool) bool
	// ClaimMayBeEmpty is MayBeEmpty of a path into the claims, where claims were given.
	ClaimMayBeEmpty func(path Path, element bool) bool
}

// Replaced returns a condition with a name in place of the one that the trap is about.
func (t Trap) Replaced(condition, name string) string {
	text := []rune(condition)
	from := min(max(t.at, 0), len(text))
	before, after, found := strings.Cut(string(text[from:]), t.Name)
	if !found {
		return ""
	}
	return string(text[:from]) + before + name + after
}

func (s *scan) trap(trap Trap) {
	known := slices.ContainsFunc(s.traps, func(other Trap) bool {
		return other.Kind == trap.Kind && other.Text == trap.Text && other.Name == trap.Name
	})
	if !known {
		s.traps = append(s.traps, trap)
	}
}

// look finds the traps that an expression is by itself.
func (s *scan) look(expression ast.Expr) {
	switch expression.Kind() {
	case ast.LiteralKind:
		if isNull(expression) {
			s.trap(Trap{Kind: ComparesNull, Text: "null"})
		}
	case ast.IdentKind, ast.SelectKind:
		if s.types[expression.ID()].Kind() == types.AnyKind {
			s.trap(Trap{Kind: ReadsAny, Text: s.table.text(expression)})
		}
	case ast.ListKind:
		if len(expression.AsList().Elements()) > 0 && losesType(s.types[expression.ID()]) {
			s.trap(Trap{Kind: LosesType, Text: s.table.text(expression)})
		}
	case ast.MapKind:
		if len(expression.AsMap().Entries()) > 0 && losesType(s.types[expression.ID()]) {
			s.trap(Trap{Kind: LosesType, Text: s.table.text(expression)})
		}
	case ast.CallKind:
		s.lookAtCall(expression)
	default:
	}
}

func isNull(expression ast.Expr) bool {
	return expression.Kind() == ast.LiteralKind && expression.AsLiteral().Type() == types.NullType
}

// losesType reports whether values of a type may be of any type.
func losesType(of *types.Type) bool {
	return of.Kind() == types.DynKind || slices.ContainsFunc(of.Parameters(), losesType)
}

// isMessage reports whether values of a type are, or hold, messages.
func isMessage(of *types.Type) bool {
	return of.Kind() == types.StructKind || slices.ContainsFunc(of.Parameters(), isMessage)
}

func (s *scan) lookAtCall(expression ast.Expr) {
	call := expression.AsCall()
	operands := operandsOf(call)
	switch name := call.FunctionName(); name {
	case "dyn":
		s.trap(Trap{Kind: LosesType, Text: s.table.text(expression)})
	case operators.Conditional:
		if losesType(s.types[expression.ID()]) {
			s.trap(Trap{Kind: LosesType, Text: s.table.text(expression)})
		}
	case operators.Equals, operators.NotEquals, operators.In:
		if isNull(operands[0]) || isNull(operands[1]) {
			return // noted where the literal is
		}
		if isMessage(s.types[operands[0].ID()]) || isMessage(s.types[operands[1].ID()]) && name != operators.In {
			s.trap(Trap{Kind: ComparesMessages, Text: s.table.text(expression)})
			return
		}
		s.lookAtEquality(expression, operands[0], operands[1], name == operators.In)
		s.lookAtSize(name, expression, operands)
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		s.lookAtSize(name, expression, operands)
	case operators.Index:
		if s.types[operands[0].ID()].Kind() == types.MapKind {
			s.lookAtEquality(expression, operands[1], operands[0], true)
		}
	case overloads.Matches:
		if what := s.read(operands[1]); what != (whatIsRead{}) {
			s.trap(Trap{Kind: ChosenPattern, Text: s.table.text(expression)})
		}
	case overloads.StartsWith, overloads.EndsWith, overloads.Contains:
		text, part := s.read(operands[0]), s.read(operands[1])
		if part.request || part.subject || part.value || part.principal && (text.request || text.subject || text.value) {
			s.trap(Trap{Kind: ChosenPart, Text: s.table.text(expression)})
		}
	default:
		if len(operands) == 2 && isZoned(name) {
			s.lookAtZone(expression, operands[1])
		}
	}
}

// operandsOf returns the target of a call, where it has one, and its arguments.
func operandsOf(call ast.CallExpr) []ast.Expr {
	if call.IsMemberFunction() {
		return append([]ast.Expr{call.Target()}, call.Args()...)
	}
	return call.Args()
}

// isZoned reports whether a function reads a part of a time in a time zone.
func isZoned(function string) bool {
	return slices.Contains([]string{
		overloads.TimeGetFullYear, overloads.TimeGetMonth, overloads.TimeGetDayOfYear, overloads.TimeGetDayOfMonth,
		overloads.TimeGetDate, overloads.TimeGetDayOfWeek, overloads.TimeGetHours, overloads.TimeGetMinutes,
		overloads.TimeGetSeconds, overloads.TimeGetMilliseconds,
	}, function)
}

// lookAtZone looks at the time zone in which a call reads a part of a time: it is not the
// caller's to choose, and one that is written is held against those that this machine
// knows.
func (s *scan) lookAtZone(call, zone ast.Expr) {
	if of := s.read(zone); of.request || of.value {
		s.trap(Trap{Kind: ChosenZone, Text: s.table.text(call), Name: s.table.text(zone)})
	}
	s.lookForZones(zone)
}

// lookForZones looks at each zone that is written, or made of what is written, and that
// an expression may be.
func (s *scan) lookForZones(zone ast.Expr) {
	for _, name := range s.textsOf(zone) {
		s.lookAtZoneName(zone, name)
	}
}

// maxTexts is how many texts an expression may be that are looked at.
const maxTexts = 100

// textsOf returns the texts that an expression may be, as far as its constants say.
func (s *scan) textsOf(expression ast.Expr) []string {
	if text, ok := s.constant(expression); ok {
		return []string{text}
	}
	var texts []string
	switch expression.Kind() {
	case ast.IdentKind:
		for _, literal := range s.variables[expression.AsIdent()].literals {
			texts = append(texts, s.textsOf(literal)...)
		}
	case ast.CallKind:
		switch call := expression.AsCall(); call.FunctionName() {
		case operators.Conditional:
			texts = append(s.textsOf(call.Args()[1]), s.textsOf(call.Args()[2])...)
		case operators.Add:
			before, after := s.textsOf(call.Args()[0]), s.textsOf(call.Args()[1])
			for _, text := range before {
				for _, more := range after {
					texts = append(texts, text+more)
				}
			}
		}
	default:
	}
	return texts[:min(len(texts), maxTexts)]
}

// lookAtZoneName holds a time zone against those that this machine knows. CEL takes the
// name of a zone, or hours and minutes such as "+02:00".
func (s *scan) lookAtZoneName(zone ast.Expr, name string) {
	if strings.Contains(name, ":") {
		var hours, minutes int
		sign := strings.TrimLeft(name, "+-")
		if _, err := fmt.Sscanf(sign, "%02d:%02d", &hours, &minutes); err == nil && len(sign) == 5 && hours < 24 && minutes < 60 && len(name)-len(sign) <= 1 {
			return
		}
	} else if _, err := time.LoadLocation(name); err == nil {
		return
	}
	s.trap(Trap{Kind: UnknownZone, Text: s.table.text(zone), Name: name})
}

func stringOf(expression ast.Expr) (string, bool) {
	value, ok := expression.AsLiteral().(types.String)
	return string(value), ok
}

// lookAtEquality looks at two values that are compared, or at one that is sought among
// the elements or keys of another.
func (s *scan) lookAtEquality(expression, left, right ast.Expr, among bool) {
	s.names(left, right, among)
	if !among {
		s.names(right, left, false)
	}
	if s.table.text(left) == s.table.text(right) {
		return // a comparison with itself is constant
	}
	one := s.emptiness(left)
	if !one.maybe || one.constant {
		return
	}
	others := []emptiness{}
	switch {
	case !among:
		others = append(others, s.emptiness(right))
	case right.Kind() == ast.ListKind:
		for _, element := range right.AsList().Elements() {
			others = append(others, s.emptiness(element))
		}
	case right.Kind() == ast.MapKind:
		for _, entry := range right.AsMap().Entries() {
			others = append(others, s.emptiness(entry.AsMapEntry().Key()))
		}
	default:
		others = append(others, s.elementEmptiness(right))
	}
	for _, other := range others {
		if other.maybe && !other.constant {
			s.trap(Trap{Kind: BothEmpty, Text: s.table.text(expression), Paths: append(slices.Clone(one.paths), other.paths...)})
			return
		}
	}
}

// lookAtSize looks at the size of what a filter leaves, or at its equality with a
// literal: of an empty list it says something without having looked at an element.
func (s *scan) lookAtSize(function string, expression ast.Expr, operands []ast.Expr) {
	for i, operand := range operands {
		other := operands[1-i]
		subject := operand
		literal := int64(0)
		if call := operand.AsCall(); call.FunctionName() == overloads.Size {
			subject = operandsOf(call)[0]
			value, ok := other.AsLiteral().(types.Int)
			if !ok {
				continue
			}
			literal = int64(value)
		} else if other.Kind() != ast.ListKind || len(other.AsList().Elements()) > 0 {
			continue
		}
		if s.macro(subject) != "filter" {
			continue
		}
		if ofEmpty, ok := compareSize(function, 0, literal, i == 1); ok {
			s.emptyRange(expression, subject.AsComprehension().IterRange(), ofEmpty)
		}
	}
}

// compareSize returns what a comparison says of a size and a literal.
func compareSize(function string, size, literal int64, turned bool) (says, ok bool) {
	if turned {
		size, literal = literal, size
	}
	switch function {
	case operators.Equals:
		return size == literal, true
	case operators.NotEquals:
		return size != literal, true
	case operators.Less:
		return size < literal, true
	case operators.LessEquals:
		return size <= literal, true
	case operators.Greater:
		return size > literal, true
	case operators.GreaterEquals:
		return size >= literal, true
	default:
		return false, false
	}
}

// emptyRange notes a condition that is fulfilled by a list without elements, of which a
// part of it says ofEmpty.
func (s *scan) emptyRange(expression, list ast.Expr, ofEmpty bool) {
	if s.polarity > 0 && !ofEmpty || s.polarity < 0 && ofEmpty {
		return
	}
	if of := s.emptiness(list); of.maybe && !of.constant {
		s.trap(Trap{Kind: EmptyList, Text: s.table.text(expression), Paths: of.paths})
	}
}

// macro returns the name of the macro that an expression was written as, or "".
func (s *scan) macro(expression ast.Expr) string {
	call, ok := s.table.source.GetMacroCall(expression.ID())
	if !ok {
		return ""
	}
	return call.AsCall().FunctionName()
}
