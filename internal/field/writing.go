package field

import (
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// A Writing is which fields the requests of one action may write, and which callers may write
// them. It is immutable and safe for concurrent use. Make one with [Rules.Writing].
type Writing struct {
	rules    *Rules
	plan     *writePlan
	emptyAll bool
	replaces bool
	// about is where the request has the message that the action is about, where it has.
	about condition.Path
	has   bool
	key   condition.Path // of the object, from the request
}

// Writing returns what requests of a type may write, or nil where everyone who is let in may
// write all that they can have. The rules are those of the contract; declared and about are
// what the action says, and may be nil.
func (r *Rules) Writing(request protoreflect.MessageDescriptor, declared *declare.Writing, about *declare.Resource) *Writing {
	planning := writePlanning{rules: r, reads: declared != nil, made: map[protoreflect.MessageDescriptor]*writePlan{}}
	if declared != nil {
		planning.masks = declared.Masks
	}
	planning.reaches = reachOf(request, planning.own)
	if declared == nil && planning.reaches[request]&reachesWrite == 0 && (planning.reaches[request]&reachesOpen == 0 || !r.guardsWrites()) {
		return nil
	}
	writing := &Writing{rules: r, plan: planning.make(request)}
	if declared != nil {
		writing.emptyAll, writing.replaces = declared.EmptyAll, declared.Replaces
	}
	if about != nil && about.Carries {
		writing.about, writing.has, writing.key = about.Carried, true, about.Key
	}
	return writing
}

// guardsWrites reports whether there is a rule of writing that not everyone meets.
func (r *Rules) guardsWrites() bool { return len(r.writes) > 0 }

// A writePlan is what to look at in messages of one type that are written.
type writePlan struct {
	guarded []writable
	below   []written
	// clears is whether unknown fields are cleared: a guarded field is reached from the type.
	clears bool
	open   bool
	// oneofs are those of which a member is guarded, or leads to a field that is.
	oneofs []protoreflect.OneofDescriptor
}

// writable is a field that only some may write, or read. Without a rule no one may.
type writable struct {
	field protoreflect.FieldDescriptor
	// isWritten and isRead are whether only some may write it, and read it.
	isWritten, isRead bool
	write, read       *policy.Rule
}

// written is a field that leads to messages that have a plan.
type written struct {
	field protoreflect.FieldDescriptor
	plan  *writePlan
	// mask is the field beside it that says what is written of it, or nil.
	mask protoreflect.FieldDescriptor
}

// writePlanning makes the plans of a type and of all that it can hold.
type writePlanning struct {
	rules   *Rules
	reads   bool // who may read a field matters
	masks   []declare.Mask
	reaches map[protoreflect.MessageDescriptor]reach
	made    map[protoreflect.MessageDescriptor]*writePlan
}

// own is what a type has itself.
func (p *writePlanning) own(message protoreflect.MessageDescriptor) (has reach) {
	for _, guarded := range p.guardedOf(message) {
		if guarded.isWritten {
			has |= reachesWrite
		}
		if guarded.isRead {
			has |= reachesRead
		}
	}
	return has
}

func (p *writePlanning) make(message protoreflect.MessageDescriptor) *writePlan {
	if made, ok := p.made[message]; ok {
		return made
	}
	made := &writePlan{guarded: p.guardedOf(message), clears: p.reaches[message]&reachesWrite != 0, open: isOpen(message)}
	p.made[message] = made
	writes := func(field protoreflect.FieldDescriptor) {
		if oneof := oneofOf(field); oneof != nil && !slices.Contains(made.oneofs, oneof) {
			made.oneofs = append(made.oneofs, oneof)
		}
	}
	for _, guarded := range made.guarded {
		if guarded.isWritten {
			writes(guarded.field)
		}
	}
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		within := declare.MessageIn(field)
		if p.reaches[within] == 0 { // also where the field holds no message
			continue
		}
		if p.reaches[within]&reachesWrite != 0 {
			writes(field)
		}
		below := written{field: field, plan: p.make(within)}
		for _, mask := range p.masks {
			if mask.Of == field {
				below.mask = mask.Field
			}
		}
		made.below = append(made.below, below)
	}
	return made
}

// guardedOf returns the guarded fields of a type itself.
func (p *writePlanning) guardedOf(message protoreflect.MessageDescriptor) []writable {
	var found []writable
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		of := writable{field: field}
		of.write, of.isWritten = p.rules.writes[field.FullName()]
		of.isWritten = of.isWritten || declare.GuardsWrites(field)
		if p.reads {
			of.read, of.isRead = p.rules.rules[field.FullName()]
			of.isRead = of.isRead || declare.Guards(field)
		}
		if of.isWritten || of.isRead {
			found = append(found, of)
		}
	}
	return found
}

// oneofOf returns the oneof that a field is a member of with others, or nil.
func oneofOf(field protoreflect.FieldDescriptor) protoreflect.OneofDescriptor {
	if oneof := field.ContainingOneof(); oneof != nil && !oneof.IsSynthetic() {
		return oneof
	}
	return nil
}
