package field

import (
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// Rules are who may read and write which fields. The zero Rules, and nil ones, have no rule:
// a field that is guarded all the same no one may read, or write. They are immutable, and safe for
// concurrent use.
type Rules struct {
	rules map[protoreflect.FullName]*policy.Rule // of fields that only some may read
	// writes are those of fields that only some may write.
	writes map[protoreflect.FullName]*policy.Rule
	plans  sync.Map // protoreflect.MessageDescriptor → *plan
}

// NewRules returns what rules say. A field of which there are two rules is not to be read or
// written by anyone: they were read of two descriptors of one name.
func NewRules(declared []*declare.FieldRule) *Rules {
	rules := &Rules{rules: map[protoreflect.FullName]*policy.Rule{}, writes: map[protoreflect.FullName]*policy.Rule{}}
	read := map[protoreflect.FullName]*declare.FieldRule{}
	for _, rule := range declared {
		name := rule.Field.FullName()
		known, again := read[name]
		read[name] = rule
		switch {
		case again && known.Field == rule.Field:
		case again:
			rules.rules[name], rules.writes[name] = nil, nil
		default:
			if !rule.Anyone() {
				rules.rules[name] = policy.NewRule(rule.Read)
			}
			if !rule.AnyoneWrites() {
				rules.writes[name] = policy.NewRule(rule.Write)
			}
		}
	}
	return rules
}

// Guard reports whether there is a rule that not everyone meets.
func (r *Rules) Guard() bool { return r != nil && len(r.rules) > 0 }

// A plan is what to look at in messages of one type.
type plan struct {
	guarded []guarded
	below   []below
	// open is whether the type may hold what its descriptor does not say: it is an Any, or
	// has extensions.
	open  bool
	isAny bool
}

// guarded is a field that only some may read. Without a rule no one may.
type guarded struct {
	field protoreflect.FieldDescriptor
	rule  *policy.Rule
}

// below is a field that leads to messages that have a plan.
type below struct {
	field protoreflect.FieldDescriptor
	plan  *plan
}

// plan returns the plan of a type, or nil where nothing is to be looked at.
func (r *Rules) plan(message protoreflect.MessageDescriptor) *plan {
	if known, ok := r.plans.Load(message); ok {
		return known.(*plan) //nolint:forcetypeassert // nothing else is stored
	}
	planning := planning{rules: r, reaches: map[protoreflect.MessageDescriptor]bool{}, made: map[protoreflect.MessageDescriptor]*plan{}}
	planning.find(message)
	made := planning.make(message)
	// Two that are made at once are alike.
	r.plans.Store(message, made)
	return made
}

// planning makes the plans of a type and of all that it can hold.
type planning struct {
	rules   *Rules
	reaches map[protoreflect.MessageDescriptor]bool // whether a guarded field is reached from a type
	made    map[protoreflect.MessageDescriptor]*plan
}

// find finds all types below one, and which of them reach a guarded field.
func (p *planning) find(message protoreflect.MessageDescriptor) {
	var all []protoreflect.MessageDescriptor
	above := map[protoreflect.MessageDescriptor][]protoreflect.MessageDescriptor{}
	seen := map[protoreflect.MessageDescriptor]bool{}
	var visit func(protoreflect.MessageDescriptor)
	visit = func(of protoreflect.MessageDescriptor) {
		if seen[of] {
			return
		}
		seen[of] = true
		all = append(all, of)
		for i := range of.Fields().Len() {
			if within := messageIn(of.Fields().Get(i)); within != nil {
				above[within] = append(above[within], of)
				visit(within)
			}
		}
	}
	visit(message)
	var mark func(protoreflect.MessageDescriptor)
	mark = func(of protoreflect.MessageDescriptor) {
		if p.reaches[of] {
			return
		}
		p.reaches[of] = true
		for _, holder := range above[of] {
			mark(holder)
		}
	}
	for _, of := range all {
		if isOpen(of) || len(p.guardedOf(of)) > 0 {
			mark(of)
		}
	}
}

func (p *planning) make(message protoreflect.MessageDescriptor) *plan {
	if !p.reaches[message] {
		return nil
	}
	if made, ok := p.made[message]; ok {
		return made
	}
	made := &plan{guarded: p.guardedOf(message), open: isOpen(message), isAny: isAny(message)}
	p.made[message] = made
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if within := messageIn(field); within != nil && p.reaches[within] {
			made.below = append(made.below, below{field, p.make(within)})
		}
	}
	return made
}

// guardedOf returns the guarded fields of a type itself.
func (p *planning) guardedOf(message protoreflect.MessageDescriptor) []guarded {
	var found []guarded
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		of, ok := p.rules.rules[field.FullName()]
		if ok || declare.Guards(field) {
			found = append(found, guarded{field, of})
		}
	}
	return found
}

// messageIn is the message that a field, an element of it or a value of it is, or nil.
func messageIn(field protoreflect.FieldDescriptor) protoreflect.MessageDescriptor {
	if field.IsMap() {
		return field.MapValue().Message()
	}
	return field.Message()
}

func isAny(message protoreflect.MessageDescriptor) bool {
	return message.FullName() == "google.protobuf.Any"
}

func isOpen(message protoreflect.MessageDescriptor) bool {
	return isAny(message) || message.ExtensionRanges().Len() > 0
}
