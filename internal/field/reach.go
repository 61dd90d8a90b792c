package field

import (
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// A reach is what is reached from a type.
type reach uint8

const (
	reachesWrite reach = 1 << iota // a field that only some may write
	reachesRead                    // one that only some may read
	reachesOpen                    // what no descriptor says
	reachesNames                   // one that holds names of fields
)

// reachOf finds what is reached from a type, and from each that it can hold. own is what a
// type has itself.
func reachOf(message protoreflect.MessageDescriptor, own func(protoreflect.MessageDescriptor) reach) map[protoreflect.MessageDescriptor]reach {
	var all []protoreflect.MessageDescriptor
	reaches := map[protoreflect.MessageDescriptor]reach{}
	declare.EachType(message, func(of protoreflect.MessageDescriptor) {
		all = append(all, of)
		reaches[of] = own(of)
		if isOpen(of) {
			reaches[of] |= reachesOpen
		}
	}, nil)
	for changed := true; changed; {
		changed = false
		for _, of := range slices.Backward(all) { // what a type holds comes after it, mostly
			before := reaches[of]
			for i := range of.Fields().Len() {
				if within := declare.MessageIn(of.Fields().Get(i)); within != nil {
					reaches[of] |= reaches[within]
				}
			}
			changed = changed || reaches[of] != before
		}
	}
	return reaches
}

// takenReach is what is reached from a type of what a request writes and names: it is kept,
// since callers choose which types their messages pack.
func (r *Rules) takenReach(message protoreflect.MessageDescriptor) reach {
	if known, ok := r.taken.Load(message); ok {
		return known.(reach) //nolint:forcetypeassert // nothing else is stored
	}
	planning := writePlanning{rules: r}
	found := reachOf(message, func(of protoreflect.MessageDescriptor) reach {
		has := planning.own(of)
		for i := range of.Fields().Len() {
			has |= ownReach(of.Fields().Get(i))
		}
		return has
	})[message]
	r.taken.Store(message, found)
	return found
}

// ownReach is what a field says of itself that a request may have.
func ownReach(field protoreflect.FieldDescriptor) (has reach) {
	if declare.GuardsWrites(field) {
		has |= reachesWrite
	}
	if declare.MarksNames(field) {
		has |= reachesNames
	}
	return has
}
