package declare

import (
	"cmp"
	"fmt"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/condition"
)

// A FieldRule is who may read a field, who may write it, and whose fields it names, read and
// found good.
type FieldRule struct {
	// Field is the field that carries the rule.
	Field protoreflect.FieldDescriptor
	// Read are the ways to be let to read it. There are none where everyone may.
	Read []Grant
	// Write are the ways to be let to write it. There are none where everyone may.
	Write []Grant
	// Of is the message whose fields the field names, or nil where it holds no names.
	Of protoreflect.MessageDescriptor
	// Option is the rule as written.
	Option *sallyportv1.Field
}

// Anyone reports whether everyone who is answered may read the field.
func (f *FieldRule) Anyone() bool {
	return f.Option.GetRead() == nil || f.Option.GetRead().Anyone != nil
}

// AnyoneWrites reports whether everyone who is let in may write the field.
func (f *FieldRule) AnyoneWrites() bool {
	return f.Option.GetWrite() == nil || f.Option.GetWrite().Anyone != nil
}

// Who says in one line who may read the field.
func (f *FieldRule) Who() string {
	if f.Anyone() {
		return "anyone"
	}
	return who(f.Read)
}

// Writers says in one line who may write the field.
func (f *FieldRule) Writers() string {
	if f.AnyoneWrites() {
		return "anyone"
	}
	return who(f.Write)
}

// restsOn is what the rule means beyond what the option says, for the fingerprint.
func (f *FieldRule) restsOn() []string {
	grants := slices.Concat(f.Read, f.Write)
	on := make([]string, len(grants))
	for i, grant := range grants {
		on[i] = fmt.Sprintf("%q", grant.restsOn())
	}
	return on
}

// Guards reports whether a field says who may read it, and that is not everyone. A field
// whose option cannot be read is guarded.
func Guards(field protoreflect.FieldDescriptor) bool {
	option, unclear := fieldOption(field)
	return unclear || option.GetRead() != nil && option.GetRead().GetAnyone() == ""
}

// GuardsWrites reports whether a field says who may write it, and that is not everyone. A
// field whose option cannot be read is guarded.
func GuardsWrites(field protoreflect.FieldDescriptor) bool {
	option, unclear := fieldOption(field)
	return unclear || option.GetWrite() != nil && option.GetWrite().GetAnyone() == ""
}

// fieldOption is the option that a field carries, empty where it carries none. It is unclear
// where it cannot be read, or says what this version does not know.
func fieldOption(field protoreflect.FieldDescriptor) (option *sallyportv1.Field, unclear bool) {
	option = &sallyportv1.Field{}
	found, err := readOption(field.Options(), sallyportv1.E_Field, option)
	return option, err != nil || found && len(option.ProtoReflect().GetUnknown()) > 0
}

// fieldRules are those of the fields of one message, in the order of the fields.
type fieldRules struct {
	found    []*FieldRule // those that are good
	refusals []Refusal
}

// fieldRules reads the rules of the fields of a message, once.
func (r *Reader) fieldRules(message protoreflect.MessageDescriptor) fieldRules {
	if known, ok := r.fields[message]; ok {
		return known
	}
	var read fieldRules
	for _, field := range list(message.Fields()) {
		rule, refusals := r.fieldRule(field)
		if rule != nil {
			read.found = append(read.found, rule)
		}
		read.refusals = append(read.refusals, refusals...)
	}
	read.refusals = append(read.refusals, unreadValues(read.found)...)
	r.fields[message] = read
	return read
}

// fieldRule reads the rule of a field. It returns nil along with refusals, and where the
// field has none.
func (r *Reader) fieldRule(field protoreflect.FieldDescriptor) (*FieldRule, []Refusal) {
	option := &sallyportv1.Field{}
	found, err := readOption(field.Options(), sallyportv1.E_Field, option)
	if !found && err == nil {
		return nil, nil
	}
	view := r.View(field.ParentFile())
	reading := &methodReading{
		Reader: r, field: field, option: &sallyportv1.Action{},
		near: &neighbourhood{view: view},
	}
	if err != nil {
		reading.refusef(RuleFieldUnresolved, "(sallyport.v1.field): %v", err)
		return nil, reading.refusals
	}
	reading.readField(option)
	rule := &FieldRule{Field: field, Option: option}
	if len(reading.refusals) == 0 {
		rule.Of = reading.readNames(option.GetNames())
		rule.Read = reading.readGrants("read.", option.GetRead().GetAllow(), nil)
		reading.writing = true
		rule.Write = reading.readGrants("write.", option.GetWrite().GetAllow(), nil)
		reading.readValues(rule.Write)
	}
	if len(reading.refusals) > 0 {
		return nil, reading.refusals
	}
	return rule, nil
}

// readField refuses what no rule can say, and fields that no rule can guard.
func (m *methodReading) readField(option *sallyportv1.Field) {
	m.readUnknowns(option, "field")
	for _, problem := range m.violations(option) {
		m.refusef(problem.rule, "%s", problem)
	}
	switch {
	case m.field.IsExtension():
		m.refusef(RuleFieldExtension, "it is an extension, which other files add to a message")
	case m.field.Cardinality() == protoreflect.Required && (option.GetRead() != nil && option.GetRead().Anyone == nil || option.GetWrite() != nil && option.GetWrite().Anyone == nil):
		m.refusef(RuleFieldRequired, "it is required, so that a message without it cannot be sent")
	}
}

// subject is what the conditions are about that are being read.
func (m *methodReading) subject() condition.Subject {
	switch {
	case m.writing:
		return condition.Subject{Name: condition.ResourceName, Type: m.field.ContainingMessage(), Value: m.field}
	case m.field != nil:
		return condition.Subject{Name: condition.ThisName, Type: m.field.ContainingMessage()}
	case m.item != nil:
		return condition.Subject{Name: condition.ItemName, Type: m.item}
	case m.resource != nil:
		return condition.Subject{Name: condition.ResourceName, Type: m.resource.Type}
	default:
		return condition.Subject{}
	}
}

// readFields finds the rules of the fields that the action's answers have, and refuses what
// the gate cannot hold them against. The rules themselves are refused where they stand.
func (m *methodReading) readFields() []*FieldRule {
	walk := &fieldWalk{reader: m.Reader, seen: map[protoreflect.FullName]bool{}}
	walk.visit(m.method.Output())
	for _, rule := range walk.found {
		if saysAnonymous(m.option) && !rule.Anyone() {
			m.refusef(RuleFieldAnonymous, "its answer has %s, which says who may read it, and an anonymous caller has no principal to ask it of", rule.Field.FullName())
		}
	}
	for _, group := range walk.groups {
		inside := &fieldWalk{reader: m.Reader, seen: map[protoreflect.FullName]bool{}}
		inside.visit(group.Message())
		for _, rule := range inside.found {
			if !rule.Anyone() {
				m.refusef(RuleFieldGroup, "its answer has %s in the group %s", rule.Field.FullName(), group.FullName())
			}
		}
	}
	readable := slices.DeleteFunc(walk.found, func(rule *FieldRule) bool { return rule.Option.GetRead() == nil })
	slices.SortFunc(readable, compareRules)
	return readable
}

func compareRules(a, b *FieldRule) int { return cmp.Compare(a.Field.FullName(), b.Field.FullName()) }

// A fieldWalk visits a message and all that its fields can have, each type once.
type fieldWalk struct {
	reader   *Reader
	seen     map[protoreflect.FullName]bool
	found    []*FieldRule
	refusals []Refusal
	groups   []protoreflect.FieldDescriptor
}

func (w *fieldWalk) visit(message protoreflect.MessageDescriptor) {
	if w.seen[message.FullName()] {
		return
	}
	w.seen[message.FullName()] = true
	rules := w.reader.fieldRules(message)
	w.found, w.refusals = append(w.found, rules.found...), append(w.refusals, rules.refusals...)
	for _, field := range list(message.Fields()) {
		if within := MessageIn(field); within != nil {
			if field.Kind() == protoreflect.GroupKind {
				w.groups = append(w.groups, field)
			}
			w.visit(within)
		}
	}
}

// fieldsOf returns the rules of the fields of all messages of a file, and refuses those of
// extensions. A file that cannot name the option has none.
func (r *Reader) fieldsOf(file protoreflect.FileDescriptor) fieldRules {
	var read fieldRules
	if !hasPath(importable(file), sallyportv1.File_sallyport_v1_action_proto.Path()) {
		return read
	}
	extensions := func(of protoreflect.ExtensionDescriptors) {
		for i := range of.Len() {
			_, refusals := r.fieldRule(of.Get(i))
			read.refusals = append(read.refusals, refusals...)
		}
	}
	var messages func(protoreflect.MessageDescriptors)
	messages = func(of protoreflect.MessageDescriptors) {
		for i := range of.Len() {
			rules := r.fieldRules(of.Get(i))
			read.found, read.refusals = append(read.found, rules.found...), append(read.refusals, rules.refusals...)
			extensions(of.Get(i).Extensions())
			messages(of.Get(i).Messages())
		}
	}
	extensions(file.Extensions())
	messages(file.Messages())
	return read
}

// readDetails gives declarations of a service the rules of the fields that the details of
// their errors may have: of all messages that the service's file knows.
func (r *Reader) readDetails(service protoreflect.ServiceDescriptor, declarations []*Declaration) []Refusal {
	var found []*FieldRule
	var refusals []Refusal
	own := r.View(service.ParentFile()).own()
	for _, file := range withImports(service.ParentFile()) {
		rules := r.fieldsOf(file)
		found = append(found, rules.found...)
		if !hasPath(own, file.Path()) { // those are refused with the file
			refusals = append(refusals, rules.refusals...)
		}
	}
	slices.SortFunc(found, compareRules)
	for _, declaration := range declarations {
		declaration.Details = found
	}
	return refusals
}

// HasField reports whether a file, or what it imports, has a message with a field of a
// name.
func HasField(file protoreflect.FileDescriptor, name protoreflect.FullName) bool {
	message := messageNamed(file, name.Parent())
	return message != nil && message.Fields().ByName(name.Name()) != nil
}
