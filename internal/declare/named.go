package declare

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// A namedCondition is a condition that a file option defines.
type namedCondition struct {
	File protoreflect.FileDescriptor
	Name string
	// CEL is the expression as written, or "" where it was refused.
	CEL      string
	Position Position
}

type namedConditions struct {
	found    []*namedCondition // those that were refused too
	refusals []Refusal
}

// namedConditions reads the named conditions of one file. Their expressions are
// type-checked where they are used, since only a use has a request type.
func (r *Reader) namedConditions(file protoreflect.FileDescriptor) namedConditions {
	if known, ok := r.named[file]; ok {
		return known
	}
	var read namedConditions
	refuseAt := func(rule Rule, subject string, position Position, format string, args ...any) {
		if subject == "" {
			subject = file.Path()
		}
		read.refusals = append(read.refusals, refuse(rule, subject, position, format, args...))
	}
	value, found, err := findOption(file.Options(), sallyportv1.E_Condition)
	if err != nil {
		refuseAt(RuleConditionUnresolved, "", Position{File: file.Path()}, "(sallyport.v1.condition): %v", err)
	}
	for i := 0; found && err == nil && i < value.List().Len(); i++ {
		option := &sallyportv1.NamedCondition{}
		position := filePosition(file, int32(sallyportv1.E_Condition.TypeDescriptor().Number()), int32(i))
		if err := copyOption(value.List().Get(i).Message(), option); err != nil {
			refuseAt(RuleConditionUnresolved, "", position, "(sallyport.v1.condition): %v", err)
			continue
		}
		named := &namedCondition{File: file, Name: option.GetName(), CEL: option.GetCel(), Position: position}
		fields, _ := unknowns(option.ProtoReflect(), "condition")
		for _, text := range fields {
			refuseAt(RuleConditionUnresolved, named.fullName(), position, "%s", text)
			named.CEL = ""
		}
		for _, problem := range r.violations(option) {
			refuseAt(problem.rule, named.fullName(), position, "%s", problem.text)
			named.CEL = ""
		}
		read.found = append(read.found, named)
	}
	r.named[file] = read
	return read
}

// fullName is the condition's name in its proto package, or "" where it has none.
func (n *namedCondition) fullName() string {
	if n.Name == "" {
		return ""
	}
	return string(n.File.Package().Append(protoreflect.Name(n.Name)))
}

// filePosition returns where an option of a file stands.
func filePosition(file protoreflect.FileDescriptor, option, index int32) Position {
	const optionsField = 8 // google.protobuf.FileDescriptorProto.options
	for _, path := range []protoreflect.SourcePath{{optionsField, option, index}, {optionsField, option}} {
		if location := file.SourceLocations().ByPath(path); location.Path != nil {
			return Position{File: file.Path(), Line: location.StartLine + 1, Column: location.StartColumn + 1}
		}
	}
	return Position{File: file.Path()}
}

// conditionTwice refuses all but the first condition of one name in a view's own package.
func (v View) conditionTwice() []Refusal {
	var refusals []Refusal
	first := map[string]*namedCondition{}
	for _, file := range v.own() {
		for _, named := range v.reader.namedConditions(file).found {
			before, twice := first[named.Name]
			if !twice {
				first[named.Name] = named
				continue
			}
			if named.Name == "" {
				continue // refused for its name
			}
			refusal := refuse(RuleConditionTwice, named.fullName(), named.Position, "package %s defines condition %q already", v.file.Package(), named.Name)
			refusal.Fix = fmt.Sprintf("keep one of the two; the other is at %s", before.Position)
			refusals = append(refusals, refusal)
		}
	}
	return refusals
}
