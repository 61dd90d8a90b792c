package field

import (
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// Rules are who may read and write which fields. The zero Rules, and nil ones, have no rule:
// a field that is guarded all the same no one may read, or write. They are immutable, and
// safe for concurrent use.
type Rules struct {
	rules map[protoreflect.FullName]*policy.Rule // of fields that only some may read
	// writes are those of fields that only some may write.
	writes map[protoreflect.FullName]*policy.Rule
	// reads are the same as rules, with what is known of them before there is a message.
	reads map[protoreflect.FullName]*declare.FieldRule
	names bool     // some field of a request holds names of fields
	plans sync.Map // protoreflect.MessageDescriptor → *plan
	taken sync.Map // protoreflect.MessageDescriptor → reach, by [Rules.takenReach]
}

// NewRules returns what rules say. A field of which there are two rules is not to be read or
// written by anyone: they were read of two descriptors of one name.
func NewRules(declared []*declare.FieldRule) *Rules {
	rules := &Rules{
		rules: map[protoreflect.FullName]*policy.Rule{}, writes: map[protoreflect.FullName]*policy.Rule{},
		reads: map[protoreflect.FullName]*declare.FieldRule{},
	}
	read := map[protoreflect.FullName]*declare.FieldRule{}
	for _, rule := range declared {
		name := rule.Field.FullName()
		known, again := read[name]
		read[name] = rule
		rules.names = rules.names || rule.Of != nil
		switch {
		case again && known.Field == rule.Field:
		case again:
			rules.rules[name], rules.writes[name] = nil, nil
			delete(rules.reads, name)
		default:
			if !rule.Anyone() {
				rules.rules[name], rules.reads[name] = policy.NewRule(rule.Read), rule
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
	planning := planning{rules: r, made: map[protoreflect.MessageDescriptor]*plan{}}
	planning.reaches = reachOf(message, planning.own)
	made := planning.make(message)
	// Two that are made at once are alike.
	r.plans.Store(message, made)
	return made
}

// planning makes the plans of a type and of all that it can hold.
type planning struct {
	rules   *Rules
	reaches map[protoreflect.MessageDescriptor]reach
	made    map[protoreflect.MessageDescriptor]*plan
}

// own is what a type has itself.
func (p *planning) own(message protoreflect.MessageDescriptor) reach {
	if len(p.guardedOf(message)) > 0 {
		return reachesRead
	}
	return 0
}

func (p *planning) make(message protoreflect.MessageDescriptor) *plan {
	if p.reaches[message] == 0 {
		return nil
	}
	if made, ok := p.made[message]; ok {
		return made
	}
	made := &plan{guarded: p.guardedOf(message), open: isOpen(message), isAny: isAny(message)}
	p.made[message] = made
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if within := declare.MessageIn(field); within != nil && p.reaches[within] != 0 {
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

func isAny(message protoreflect.MessageDescriptor) bool {
	return message.FullName() == "google.protobuf.Any"
}

func isOpen(message protoreflect.MessageDescriptor) bool {
	return isAny(message) || message.ExtensionRanges().Len() > 0
}
