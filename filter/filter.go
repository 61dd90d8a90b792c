package filter

import (
	"google.golang.org/protobuf/proto"
)

// A Filter says which elements of a list its caller may see. It is for the one call that
// it was made for. The zero Filter matches nothing. It is immutable and safe for concurrent
// use.
type Filter struct{ root *Node }

// New returns the filter of a tree, which nothing may change from then on.
func New(root *Node) Filter { return Filter{root: root} }

// Matches reports whether the caller may see an element: whether the filter is true of it.
// A nil element is not seen.
func (f Filter) Matches(item proto.Message) bool {
	return f.root != nil && item != nil && f.root.of(item.ProtoReflect()) == yes
}

// All reports whether it is known, without looking at an element, that the filter matches
// every one.
func (f Filter) All() bool { return f.root != nil && f.root.Kind == True }

// None reports whether it is known, without looking at an element, that the filter matches
// none: nothing need be asked of a database then.
func (f Filter) None() bool { return f.root == nil || f.root.Kind == False || f.root.Kind == Absent }

// Node returns the tree, for what writes filters in another language. It is one of [False]
// for the zero Filter. It must not be changed.
func (f Filter) Node() *Node {
	if f.root == nil {
		return &Node{Kind: False}
	}
	return f.root
}
