package field

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// A Naming is which fields of the requests of one action hold names of fields, and which
// callers may name what. It is immutable and safe for concurrent use. Make one with
// [Rules.Naming].
type Naming struct {
	rules *Rules
	plan  *namePlan
	// lists are the rules of the guarded fields that can be named, with what is known of them
	// before there is a message.
	lists map[protoreflect.FullName]*policy.List
	// within is what stands in the messages that can be named as a whole, at any depth.
	within map[protoreflect.MessageDescriptor]within
}

// within is what a type can hold that not everyone may read.
type within struct {
	guarded []protoreflect.FieldDescriptor
	open    bool // what no descriptor says
}

// Naming returns what requests of a type may name, or nil where they hold no names. declared
// is what the request's own fields say.
func (r *Rules) Naming(request protoreflect.MessageDescriptor, declared []declare.Naming) *Naming {
	planning := namePlanning{of: map[protoreflect.FullName]protoreflect.MessageDescriptor{}, made: map[protoreflect.MessageDescriptor]*namePlan{}}
	for _, naming := range declared {
		planning.of[naming.Field.FullName()] = naming.Of
	}
	planning.reaches = reachOf(request, planning.own)
	if planning.reaches[request]&reachesNames == 0 && (planning.reaches[request]&reachesOpen == 0 || r == nil || !r.names) {
		return nil
	}
	naming := &Naming{
		rules: r, plan: planning.make(request),
		lists: map[protoreflect.FullName]*policy.List{}, within: map[protoreflect.MessageDescriptor]within{},
	}
	for _, of := range planning.of {
		if of != nil {
			declare.EachType(of, naming.know, nil)
		}
	}
	return naming
}

// know remembers what is to be looked at of a type that a name can lead through.
func (n *Naming) know(message protoreflect.MessageDescriptor) {
	var found within
	declare.EachType(message, func(of protoreflect.MessageDescriptor) {
		found.open = found.open || isOpen(of)
		for i := range of.Fields().Len() {
			if field := of.Fields().Get(i); n.guards(field) {
				found.guarded = append(found.guarded, field)
			}
		}
	}, nil)
	n.within[message] = found
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if n.rules == nil || n.rules.reads[field.FullName()] == nil {
			continue
		}
		// What cannot be taken apart is known of no caller.
		if list, err := policy.NewList(field.ContainingMessage(), n.rules.reads[field.FullName()].Read, policy.Deciders{}); err == nil {
			n.lists[field.FullName()] = list
		}
	}
}

// guards reports whether only some may read a field.
func (n *Naming) guards(field protoreflect.FieldDescriptor) bool {
	if n.rules != nil {
		if _, ruled := n.rules.rules[field.FullName()]; ruled {
			return true
		}
	}
	return declare.Guards(field)
}

// A namePlan is what to look at in messages of one type that hold names.
type namePlan struct {
	names []naming
	below []namesBelow
	open  bool
}

// naming is a field that holds names.
type naming struct {
	field protoreflect.FieldDescriptor
	of    protoreflect.MessageDescriptor // nil where that is not known: it may name nothing
	// selects is whether it is a mask: it says what is answered, and orders nothing.
	selects bool
}

// namesBelow is a field that leads to messages that have a plan.
type namesBelow struct {
	field protoreflect.FieldDescriptor
	plan  *namePlan
}

// namePlanning makes the plans of a type and of all that it can hold.
type namePlanning struct {
	of      map[protoreflect.FullName]protoreflect.MessageDescriptor // by the field that names them
	reaches map[protoreflect.MessageDescriptor]reach
	made    map[protoreflect.MessageDescriptor]*namePlan
}

// own is what a type has itself.
func (p *namePlanning) own(message protoreflect.MessageDescriptor) reach {
	if len(p.namesOf(message)) > 0 {
		return reachesNames
	}
	return 0
}

func (p *namePlanning) make(message protoreflect.MessageDescriptor) *namePlan {
	if p.reaches[message] == 0 {
		return nil
	}
	if made, ok := p.made[message]; ok {
		return made
	}
	made := &namePlan{names: p.namesOf(message), open: isOpen(message)}
	p.made[message] = made
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if within := declare.MessageIn(field); within != nil && p.reaches[within] != 0 {
			made.below = append(made.below, namesBelow{field, p.make(within)})
		}
	}
	return made
}

// namesOf returns the fields of a type itself that hold names.
func (p *namePlanning) namesOf(message protoreflect.MessageDescriptor) []naming {
	var found []naming
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if of := p.of[field.FullName()]; of != nil || declare.MarksNames(field) {
			found = append(found, naming{field, of, declare.IsMask(field)})
		}
	}
	return found
}
