package declare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// A Naming is a field of a request that says whose fields it names, or why it needs not.
type Naming struct {
	// Field is the field of the request.
	Field protoreflect.FieldDescriptor
	// Of is the message whose fields it names. It is nil where the field is harmless.
	Of protoreflect.MessageDescriptor
	// Harmless is why the field needs no mark; "" where it has one.
	Harmless string
}

// MarksNames reports whether a field says that it holds names of fields. A field whose option
// cannot be read is taken for one.
func MarksNames(field protoreflect.FieldDescriptor) bool {
	option, unclear := fieldOption(field)
	return unclear || option.GetNames().GetOf() != ""
}

// readNames finds the message whose fields a field names, and refuses what cannot name any.
// It returns nil where the option does not say.
func (m *methodReading) readNames(written *sallyportv1.Names) protoreflect.MessageDescriptor {
	if written.GetOf() == "" || written.Harmless != nil {
		return nil
	}
	switch {
	case canName(m.field):
	case IsMask(m.field):
		m.refusef(RuleNamesKind, "it is a %s, which selects what is answered, and its name says that it orders", fieldMask)
	default:
		m.refusef(RuleNamesKind, "it is %s, and names are held by a string, a list of strings or a %s", formOf(m.field), fieldMask)
	}
	name := written.GetOf()
	of := messageNamed(m.field.ParentFile(), protoreflect.FullName(name))
	switch {
	case of == nil:
		known := messageNames(m.field.ParentFile())
		fix := ""
		if near := nearest(name, known); near != "" {
			fix = messageText("names", (&sallyportv1.Names{Of: near}).ProtoReflect())
		}
		m.refuseWithFixf(RuleNamesType, fix, "names.of: %s and what it imports have no message %q%s", m.field.ParentFile().Path(), name, didYouMean(name, known))
	case of.FullName().Parent() == "google.protobuf":
		m.refusef(RuleNamesType, "names.of: the fields of %s say nothing of what it holds", name)
	case of.Fields().Len() == 0:
		m.refusef(RuleNamesType, "names.of: %s has no fields", name)
	}
	return of
}

// canName reports whether a field can hold names: a string, a list of them, or a mask that is
// not called as those are that order.
func canName(field protoreflect.FieldDescriptor) bool {
	if IsMask(field) {
		return !slices.Contains(orders, queryWord(field))
	}
	return field.Kind() == protoreflect.StringKind && !field.IsMap()
}

// formOf says what a field is.
func formOf(field protoreflect.FieldDescriptor) string {
	switch {
	case field.IsMap():
		return "a map"
	case field.IsList():
		return "a list of " + kindOf(field)
	default:
		return "of type " + kindOf(field)
	}
}

// Words that AIP-132, AIP-157, AIP-160 and AIP-161 have for what a caller asks of a list, and
// those that people use in their place. They are compared without case and `_`.
var (
	// orders name fields that are ordered or grouped by.
	orders = []string{"orderby", "sortby", "groupby"}
	// selects name fields that are answered.
	selects = []string{"readmask", "fieldmask"}
)

// filters is free text that asks for what is to be found.
const filters = "filter"

// queryWord is a field's name without case and `_`.
func queryWord(field protoreflect.FieldDescriptor) string {
	return strings.ToLower(strings.ReplaceAll(string(field.Name()), "_", ""))
}

// readNamings finds the fields of the request that hold names of fields, and refuses those
// that seem to and do not say so, where the answer has a field that only some may read.
func (m *methodReading) readNamings(declaration *Declaration) []Naming {
	var namings []Naming
	guarded := slices.IndexFunc(declaration.Fields, func(rule *FieldRule) bool { return !rule.Anyone() })
	EachType(m.method.Input(), func(message protoreflect.MessageDescriptor) {
		marked := m.namingsOf(message)
		namings = append(namings, marked...)
		if guarded < 0 {
			return
		}
		for _, field := range list(message.Fields()) {
			if option, _ := fieldOption(field); option.GetNames() == nil {
				m.readUnmarked(field, declaration, declaration.Fields[guarded])
			}
		}
	}, nil)
	slices.SortFunc(namings, func(a, b Naming) int { return cmp.Compare(a.Field.FullName(), b.Field.FullName()) })
	return namings
}

// namingsOf are the fields of a message itself that hold names, or say why they need no mark.
func (r *Reader) namingsOf(message protoreflect.MessageDescriptor) []Naming {
	var namings []Naming
	for _, rule := range r.fieldRules(message).found {
		if names := rule.Option.GetNames(); names != nil {
			namings = append(namings, Naming{Field: rule.Field, Of: rule.Of, Harmless: names.GetHarmless()})
		}
	}
	return namings
}

// readUnmarked refuses a field that is called as those that hold names, or ask freely, are.
func (m *methodReading) readUnmarked(field protoreflect.FieldDescriptor, declaration *Declaration, guarded *FieldRule) {
	word := queryWord(field)
	isWritten := func(mask Mask) bool { return mask.Field == field }
	switch {
	case word == filters && isText(field):
		m.refuseWithFixf(RuleNamesFilter, "remove "+string(field.FullName())+", and take a field for each thing that callers may look for",
			"its answer has %s, which only some may read, and %s is free text that can ask for it", guarded.Field.FullName(), field.FullName())
	case !slices.Contains(orders, word) && !slices.Contains(selects, word):
	case declaration.Writing != nil && slices.ContainsFunc(declaration.Writing.Masks, isWritten):
	case m.marksWithin(field):
	default:
		m.refuseWithFixf(RuleNamesUnmarked, m.fixUnmarked(field, guarded),
			"its answer has %s, which only some may read, and %s does not say whose fields it names", guarded.Field.FullName(), field.FullName())
	}
}

// marksWithin reports whether a field holds messages with a field that says whose fields it
// names.
func (r *Reader) marksWithin(field protoreflect.FieldDescriptor) (marks bool) {
	if within := MessageIn(field); within != nil {
		EachType(within, func(message protoreflect.MessageDescriptor) {
			marks = marks || slices.ContainsFunc(r.namingsOf(message), func(naming Naming) bool { return naming.Of != nil })
		}, nil)
	}
	return marks
}

// isText reports whether a field holds free text, or a tree that anything can stand in.
func isText(field protoreflect.FieldDescriptor) bool {
	if field.IsMap() {
		field = field.MapValue()
	}
	if within := field.Message(); within != nil {
		return within.FullName().Parent() == "google.protobuf"
	}
	return field.Kind() == protoreflect.StringKind || field.Kind() == protoreflect.BytesKind
}

// fixUnmarked is the mark of a field, where it can have one: it names fields of what the
// answer has several of, or of the message with the guarded field.
func (m *methodReading) fixUnmarked(field protoreflect.FieldDescriptor, guarded *FieldRule) string {
	if !canName(field) {
		return fmt.Sprintf("make %s a string, or a list of strings, and mark it with [(sallyport.v1.field).names.of = %q]", field.FullName(), m.answered(guarded))
	}
	return fmt.Sprintf("mark %s with [(sallyport.v1.field).names.of = %q]", field.FullName(), m.answered(guarded))
}

// answered is the message whose fields a request is likely to name.
func (m *methodReading) answered(guarded *FieldRule) protoreflect.FullName {
	for _, field := range list(m.method.Output().Fields()) {
		if within := MessageIn(field); field.IsList() && within != nil && m.reaches(within, guarded.Field.ContainingMessage()) {
			return within.FullName()
		}
	}
	return guarded.Field.ContainingMessage().FullName()
}

// reaches reports whether a message is another one, or can hold it.
func (*methodReading) reaches(message, other protoreflect.MessageDescriptor) (reaches bool) {
	EachType(message, func(of protoreflect.MessageDescriptor) { reaches = reaches || of.FullName() == other.FullName() }, nil)
	return reaches
}
