package filter

import "google.golang.org/protobuf/reflect/protoreflect"

// A Rule is what the filters of a list can ask of its elements: the filter that is made for
// a call asks a part of it. What writes filters in another language looks at the rule once,
// before any call. The zero Rule asks nothing.
type Rule struct {
	// Item is the type of the elements.
	Item protoreflect.MessageDescriptor
	// Uses are what the filters may ask, in the order of the rule.
	Uses []Use
}

// A Use is a node that a filter may have.
type Use struct {
	// Kind is one of those that look at an element.
	Kind Kind
	// Path leads to the field. It is nil for Other.
	Path []protoreflect.FieldDescriptor
	// Text is the condition that it stands in, as written.
	Text string
}
