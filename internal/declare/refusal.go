package declare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// A Refusal says why an action, or a role catalogue, is not accepted, and how to
// fix it.
type Refusal struct {
	// Rule is the id of the rule that was broken.
	Rule Rule
	// Subject is what was refused: a procedure such as
	// "/demo.v1.AccountService/GetUser", or the full name of an enum.
	Subject string
	// Position is where, as far as it is known.
	Position Position
	// At is what was refused, or nil where that has no descriptor or was given from
	// outside the .proto.
	At protoreflect.Descriptor
	// Problem says what is wrong, in one sentence without a full stop. A text after
	// the first line shows the place, such as an expression with a caret.
	Problem string
	// Fix is what to write instead.
	Fix string
}

// A Position is a place in a .proto file.
type Position struct {
	// File is the path that imports use, such as "demo/v1/account.proto".
	File string
	// Line and Column count from 1. Both are 0 where the descriptor has no source
	// information, as in generated Go code.
	Line, Column int
}

// String returns "file:line:column", or the file alone.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// String returns the refusal as text of several lines: where and what, then how to
// fix it.
func (r Refusal) String() string {
	var text strings.Builder
	if where := r.Position.String(); where != "" {
		text.WriteString(where + ": ")
	}
	first, rest, more := strings.Cut(r.Problem, "\n")
	fmt.Fprintf(&text, "%s: %s [%s]", r.Subject, first, r.Rule)
	if more {
		text.WriteString("\n" + indent(rest))
	}
	if r.Fix != "" {
		text.WriteString("\n  fix:\n" + indent(r.Fix))
	}
	return text.String()
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(text, "\n", "\n    ")
}

// refuse makes a refusal with the fix that the table of rules has.
func refuse(rule Rule, subject string, position Position, format string, args ...any) Refusal {
	return Refusal{
		Rule:     rule,
		Subject:  subject,
		Position: position,
		Problem:  fmt.Sprintf(format, args...),
		Fix:      rule.Define().Fix,
	}
}

// Refuse makes a refusal of an action, for the rules that only a registry can
// apply.
func Refuse(rule Rule, method protoreflect.MethodDescriptor, format string, args ...any) Refusal {
	refusal := refuse(rule, Procedure(method), positionOf(method), format, args...)
	refusal.At = method
	return refusal
}

// RefuseNamed makes a refusal of something that has no descriptor.
func RefuseNamed(rule Rule, subject, format string, args ...any) Refusal {
	return refuse(rule, subject, Position{}, format, args...)
}

// Sort puts refusals in the order of the source.
func Sort(refusals []Refusal) {
	slices.SortStableFunc(refusals, func(a, b Refusal) int {
		return cmp.Or(
			cmp.Compare(a.Position.File, b.Position.File),
			cmp.Compare(a.Position.Line, b.Position.Line),
			cmp.Compare(a.Position.Column, b.Position.Column),
		)
	})
}

// Procedure returns the name by which an RPC is called:
// "/package.Service/Method".
func Procedure(method protoreflect.MethodDescriptor) string {
	return fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name())
}

// SourcePath returns the path of what was refused in its file's source information: an
// RPC's option, or the RPC where it has none. It is nil without source information.
func (r Refusal) SourcePath() protoreflect.SourcePath {
	if r.At == nil {
		return nil
	}
	return locationOf(r.At).Path
}

// positionOf returns where a descriptor stands.
func positionOf(descriptor protoreflect.Descriptor) Position {
	file, location := descriptor.ParentFile(), locationOf(descriptor)
	if location.Path == nil {
		return Position{File: file.Path()}
	}
	return Position{File: file.Path(), Line: location.StartLine + 1, Column: location.StartColumn + 1}
}

// locationOf returns where a descriptor stands, and for an RPC where its option does.
func locationOf(descriptor protoreflect.Descriptor) protoreflect.SourceLocation {
	locations := descriptor.ParentFile().SourceLocations()
	found := locations.ByDescriptor(descriptor)
	if _, ok := descriptor.(protoreflect.MethodDescriptor); !ok {
		return found
	}
	path := slices.Clone(found.Path)
	const optionsField = 4 // google.protobuf.MethodDescriptorProto.options
	for _, number := range []int32{optionsField, int32(sallyportv1.E_Action.TypeDescriptor().Number())} {
		path = append(path, number)
		if location := locations.ByPath(path); location.Path != nil {
			found = location
		}
	}
	return found
}
