package prove

import (
	"fmt"
	"math/big"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// A root is what a place is in.
type root uint8

const (
	inRequest root = iota + 1
	inClaims
	inPrincipal
	inCall    // the time, and the answers of checks
	inSubject // what the conditions are about
	inOther   // what those of the second side are about, where that is another message
)

// A kind is what a place can be.
type kind uint8

const (
	// scalar has one value, or none.
	scalar kind = iota + 1
	// message is set or not.
	message
	// set is a list of scalars, of which only the elements matter.
	set
	// records is a list of messages. Its elements are places of their own.
	records
	// element is one element of a list of messages, which is there or not.
	element
	// answer is that of a check.
	answer
)

// A step leads from a message to what one of its fields holds.
type step struct {
	field protoreflect.Name
	at    int // the index in a list, or -1
	// key finds the value in a map; nil where the field is none.
	key *mapKey
}

// A place is what a condition reads a value of: a variable of the search.
type place struct {
	name string // as conditions write it: "request.owner.id"
	kind kind
	root root
	path []step
	// class is that of the values, of a set that of its elements; nil for a message, an
	// element and records.
	class *class
	// optional is whether it may be unset where what is around it is set.
	optional bool
	// oneof is the oneof that it is a member of, or "".
	oneof protoreflect.FullName
	// parent is the message or element that it is in; nil at the root.
	parent *place
	// key is, of what a map holds, what finds it there, and in the map that it is in.
	key *mapKey
	in  string
	// before is, of an element, the one before it in its list.
	before *place
	// low and high are the range of a number.
	low, high *big.Int
	// only are the values of a closed enum; nil for any other.
	only []any
	// fields are, of records, the places within an element: each is made anew for each
	// element.
	fields []*place
	// elements are, of records, the elements, once their number is known.
	elements []*place

	// members and loops are how many conditions ask whether a value is in the list, and how
	// many loop over it or ask whether it has an element. sought is whether one asks whether
	// an element of another list is in it.
	members, loops int
	sought         bool
	// most is how many elements of the list matter.
	most int
	// allNames is, of the principal's roles, whether any role of a catalogue may matter.
	allNames bool

	// refused are values that the validation rules of the field refuse in any message.
	refused      []any
	refusedUnset bool

	// The state of the search.
	free  bool // not looked at: it may be anything
	set   bool
	value any
	list  []any
}

// decisive is how many elements decide the conditions on a list: each has the value that
// it has by one element, or by the lack of any such.
func (p *place) decisive() int { return p.members + p.loops }

// newElements makes the elements of records.
func (p *place) newElements() {
	p.elements = make([]*place, p.most)
	for i := range p.elements {
		made := &place{
			name: fmt.Sprintf("%s[%d]", p.name, i), kind: element, root: p.root, parent: p.parent,
			path: append(slices.Clone(p.path[:len(p.path)-1]), step{field: p.path[len(p.path)-1].field, at: i}),
		}
		if i > 0 {
			made.before = p.elements[i-1]
		}
		p.elements[i] = made
		copies := map[*place]*place{}
		for _, field := range p.fields {
			within := *field
			within.name = made.name + field.name[len(p.name):]
			within.path = append(slices.Clone(made.path), field.path[len(p.path):]...)
			within.parent = made
			if of, ok := copies[field.parent]; ok {
				within.parent = of
			}
			copies[field] = &within
			made.fields = append(made.fields, &within)
		}
	}
}

// concrete returns the places of the search that the place stands for, those around
// another before it.
func (p *place) concrete() []*place {
	if p.kind != records {
		return []*place{p}
	}
	var all []*place
	for _, element := range p.elements {
		all = append(append(all, element), element.fields...)
	}
	return all
}

// isAround reports whether what the place is in is set.
func (p *place) isAround() bool {
	if p.key != nil {
		if _, ok := p.key.text(); !ok {
			return false
		}
	}
	return p.parent == nil || p.parent.set && p.parent.isAround()
}

// takes reports whether the place can have a value.
func (p *place) takes(value any) bool {
	is := func(other any) bool { return same(other, value) }
	switch {
	case slices.ContainsFunc(p.refused, is), p.only != nil && !slices.ContainsFunc(p.only, is):
		return false
	case p.root == inPrincipal && value == "":
		return false // a gate lets in no such principal, and an empty name names nothing
	}
	of, isNumber := value.(*big.Int)
	if !isNumber {
		return true
	}
	if p.root == inPrincipal && of.Cmp(p.low) == 0 {
		return false // the zero time is none
	}
	return of.Cmp(p.low) >= 0 && of.Cmp(p.high) <= 0
}
