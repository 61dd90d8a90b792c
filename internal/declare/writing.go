package declare

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/condition"
)

// A Writing is how the fields of an action's request are written.
type Writing struct {
	// Rules are those of the fields that a request can have, by the names of the fields.
	Rules []*FieldRule
	// Masks name what is written of messages that stand beside them. What is set is written
	// where there is none.
	Masks []Mask
	// EmptyAll is whether an empty mask names all fields.
	EmptyAll bool
	// Replaces is whether every guarded field counts as written, set or not.
	Replaces bool
}

// A Mask is a field of type google.protobuf.FieldMask that says what is written.
type Mask struct {
	// Field is the mask.
	Field protoreflect.FieldDescriptor
	// Of is the field beside it that holds the message, or messages, whose fields it names.
	Of protoreflect.FieldDescriptor
}

// fieldMask is the type of masks.
const fieldMask = "google.protobuf.FieldMask"

// readValues refuses grants that look at what a field would become alone: a caller chooses
// that.
func (m *methodReading) readValues(grants []Grant) {
	for _, grant := range grants {
		of := looksAt(grant)
		if of.value && !of.role && !of.resource {
			m.refusef(RuleFieldValueAlone, "write.%s reads `value`, which the caller sends, and requires neither a role nor anything of `resource`", grant.Name)
		}
	}
}

// looks is what a grant of a write rule looks at.
type looks struct{ role, resource, value, expression bool }

func looksAt(grant Grant) looks {
	var found looks
	for _, of := range grant.Conditions {
		switch of := of.(type) {
		case AnyRole:
			found.role = true
		case CEL:
			found.look(of.Expression)
		case When:
			found.look(of.Expression)
		}
	}
	return found
}

func (l *looks) look(expression *condition.Expression) {
	l.expression = true
	l.value = l.value || expression.ReadsValue()
	l.resource = l.resource || expression.ReadsSubject()
}

// unreadValues refuses grants that let a field be written without a look at what it would
// become, where rules of its message read the field.
func unreadValues(rules []*FieldRule) []Refusal {
	read := map[protoreflect.FullName]bool{}
	for _, rule := range rules {
		for _, of := range readsOfResource(slices.Concat(rule.Read, rule.Write)) {
			if path := of.SubjectPath(); len(path) > 0 {
				read[path[0].FullName()] = true
			}
		}
	}
	var refusals []Refusal
	for _, rule := range rules {
		if read[rule.Field.FullName()] {
			refusals = append(refusals, unreadValue(rule, "rules of its message read it")...)
		}
	}
	return refusals
}

// unreadValue refuses grants of a rule that let the field be written without a look at what
// it would become. why says what reads the field.
func unreadValue(rule *FieldRule, why string) []Refusal {
	var refusals []Refusal
	for _, grant := range rule.Write {
		of := looksAt(grant)
		accepted := slices.ContainsFunc(grant.Accepts, func(accepted Acceptance) bool { return accepted.Rule == RuleFieldValueUnread })
		if !of.expression || of.value || accepted {
			continue
		}
		refusal := refuse(RuleFieldValueUnread, string(rule.Field.FullName()), positionOf(rule.Field),
			"write.%s does not read `value`, and %s", grant.Name, why)
		refusal.At = rule.Field
		refusals = append(refusals, refusal)
	}
	return refusals
}

// readWriting finds who may write the fields of the request, and what says which of them a
// call writes. The rules themselves are refused where they stand.
func (m *methodReading) readWriting(written *sallyportv1.Writes) *Writing {
	walk := &fieldWalk{reader: m.Reader, seen: map[protoreflect.FullName]bool{}}
	walk.visit(m.method.Input())
	slices.SortFunc(walk.found, compareRules)
	writing := &Writing{Rules: walk.found, EmptyAll: written.GetEmptyMask() == sallyportv1.Writes_ALL, Replaces: written.GetReplaces()}
	guarded := slices.ContainsFunc(walk.found, func(rule *FieldRule) bool { return !rule.AnyoneWrites() })
	unreadable := slices.ContainsFunc(walk.found, func(rule *FieldRule) bool { return !rule.Anyone() })
	switch {
	case !guarded && written == nil:
		return nil
	case !guarded && (!writing.Replaces || !unreadable):
		if len(walk.refusals) == 0 {
			m.refuseWithFixf(RuleWritesUnused, "remove "+messageText("writes", written.ProtoReflect()), "its request has no field that says who may write it")
		}
		return nil
	case written != nil && (written.GetEmptyMask() != sallyportv1.Writes_EMPTY_MASK_UNSPECIFIED) == writing.Replaces:
		return writing // refused as the option's own rule says
	}
	before := len(m.refusals)
	writing.Masks = m.readMasks(written)
	if len(m.refusals) > before {
		return writing
	}
	fixed := &sallyportv1.Writes{EmptyMask: sallyportv1.Writes_NOTHING}
	if written != nil {
		fixed.Mask = written.Mask
	}
	switch {
	case len(writing.Masks) > 0 && writing.Replaces:
		m.refuseWithFixf(RuleWritesReplaces, messageText("writes", fixed.ProtoReflect()), "`replaces` is true, and its request has the mask %s", writing.Masks[0].Field.FullName())
	case len(writing.Masks) > 0 && written.GetEmptyMask() == sallyportv1.Writes_EMPTY_MASK_UNSPECIFIED:
		m.refuseWithFixf(RuleWritesEmptyMask, messageText("writes", fixed.ProtoReflect()), "nothing says what an empty %s names", writing.Masks[0].Field.FullName())
	case len(writing.Masks) == 0 && written.GetEmptyMask() != sallyportv1.Writes_EMPTY_MASK_UNSPECIFIED:
		m.refuseWithFixf(RuleWritesEmptyMask, "remove "+messageText("writes", written.ProtoReflect()), "its request has no mask beside a message with guarded fields")
	case !writing.Replaces:
		m.readPresence(writing.Masks)
	}
	return writing
}

// readPresence refuses guarded fields without presence that are not below a mask.
func (m *methodReading) readPresence(masks []Mask) {
	EachType(m.method.Input(), func(message protoreflect.MessageDescriptor) {
		for _, rule := range m.fieldRules(message).found {
			if !rule.AnyoneWrites() && !rule.Field.HasPresence() {
				m.refuseWithFixf(RuleWritesPresence, "", "its request has %s, which says who may write it and has no presence: nothing tells whether a call leaves it or empties it",
					rule.Field.FullName())
			}
		}
	}, func(field protoreflect.FieldDescriptor) bool { return masked(masks, field) })
}

// masked reports whether a mask says what is written of a field.
func masked(masks []Mask, field protoreflect.FieldDescriptor) bool {
	return slices.ContainsFunc(masks, func(mask Mask) bool { return mask.Of == field })
}

// readMasks finds the masks of the request: the one that is named, or those that stand
// beside a message with guarded fields.
func (m *methodReading) readMasks(written *sallyportv1.Writes) []Mask {
	if written != nil && written.Mask != nil {
		field := m.namedMask(written.GetMask())
		if field == nil {
			return nil
		}
		return m.maskIn(field.ContainingMessage(), field)
	}
	var masks []Mask
	EachType(m.method.Input(), func(message protoreflect.MessageDescriptor) {
		masks = append(masks, m.maskIn(message, nil)...)
	}, func(field protoreflect.FieldDescriptor) bool { return masked(masks, field) })
	return masks
}

// namedMask finds the mask that a path such as "update_mask" leads to.
func (m *methodReading) namedMask(path string) protoreflect.FieldDescriptor {
	var field protoreflect.FieldDescriptor
	message := m.method.Input()
	for name := range strings.SplitSeq(strings.TrimPrefix(path, "request."), ".") {
		if message == nil {
			field = nil
			break
		}
		if field = message.Fields().ByName(protoreflect.Name(name)); field == nil {
			m.refusef(RuleWritesMask, "writes.mask: %s has no field %q%s", message.FullName(), name, didYouMean(name, fieldNames(message)))
			return nil
		}
		message = MessageIn(field)
	}
	if field == nil || !IsMask(field) {
		m.refusef(RuleWritesMask, "writes.mask: %q is no %s of the request", path, fieldMask)
		return nil
	}
	return field
}

// IsMask reports whether a field is a single google.protobuf.FieldMask.
func IsMask(field protoreflect.FieldDescriptor) bool {
	return !field.IsList() && field.Message() != nil && field.Message().FullName() == fieldMask
}

// maskIn finds the mask that stands in a message beside one with guarded fields. named is
// the one that the declaration names, or nil.
func (m *methodReading) maskIn(message protoreflect.MessageDescriptor, named protoreflect.FieldDescriptor) []Mask {
	var masks, guarded []protoreflect.FieldDescriptor
	for _, field := range list(message.Fields()) {
		switch within := MessageIn(field); {
		case IsMask(field):
			masks = append(masks, field)
		case within != nil && m.guardsWritesOf(within):
			guarded = append(guarded, field)
		}
	}
	own := slices.ContainsFunc(m.fieldRules(message).found, func(rule *FieldRule) bool { return !rule.AnyoneWrites() })
	if named != nil {
		masks = []protoreflect.FieldDescriptor{named}
	}
	switch {
	case len(masks) == 0 || named == nil && len(guarded) == 0 && !own:
		return nil
	case len(masks) > 1:
		m.refusef(RuleWritesMask, "%s has the masks %s, and nothing says which of them names what is written", message.FullName(), namesOf(masks))
		return nil
	case len(guarded) == 0:
		m.refusef(RuleWritesMask, "no message with guarded fields stands beside the mask %s", masks[0].FullName())
		return nil
	case len(guarded) > 1:
		m.refusef(RuleWritesMask, "%s have guarded fields, and nothing says which of them the mask %s is about", namesOf(guarded), masks[0].FullName())
		return nil
	}
	return []Mask{{Field: masks[0], Of: guarded[0]}}
}

func namesOf(fields []protoreflect.FieldDescriptor) string {
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = fmt.Sprintf("`%s`", field.Name())
	}
	return strings.Join(names, " and ")
}

// guardsWritesOf reports whether a message can have a field that says who may write it, at
// any depth.
func (r *Reader) guardsWritesOf(message protoreflect.MessageDescriptor) bool {
	walk := &fieldWalk{reader: r, seen: map[protoreflect.FullName]bool{}}
	walk.visit(message)
	return slices.ContainsFunc(walk.found, func(rule *FieldRule) bool { return !rule.AnyoneWrites() })
}
