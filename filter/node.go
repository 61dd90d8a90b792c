package filter

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A Kind says what a node of a filter is.
type Kind uint8

// The kinds. A field that is not there makes what reads it absent: neither true nor false.
const (
	// False, True, Absent: what is so of every element. False is the zero Kind.
	False Kind = iota
	True
	Absent
	// And, Or, Not connect Nodes, of which Not has one. An And of none is true, and an Or of
	// none is false.
	And
	Or
	Not
	// Has: the field at Path is set. It is absent where a message on the way is not set.
	Has
	// Equals, Less, LessEquals, Greater, GreaterEquals: the field at Path, compared with the
	// one value of Values.
	Equals
	Less
	LessEquals
	Greater
	GreaterEquals
	// Among: the field at Path is one of Values, of which there may be none.
	Among
	// Contains: the repeated field at Path has the one value of Values.
	Contains
	// Other: what has no other form. Ask decides it.
	Other
)

// A Node is a part of a filter. Its zero value is false of every element.
type Node struct {
	Kind  Kind
	Nodes []*Node
	// Path leads from the element to a field. All that it passes through are messages.
	Path []protoreflect.FieldDescriptor
	// Values are each a bool, int64 (enums too), uint64, string or time.Time, as the field
	// is.
	Values []any
	// Ask reports what the node says of an element; known is false where that is absent. It
	// is nil for every other kind.
	Ask func(item proto.Message) (holds, known bool)
}

// Connected returns nodes connected by And or Or, in the shortest form: what decides
// alone stands alone, and what decides nothing is left out.
func Connected(kind Kind, nodes ...*Node) *Node {
	decides, nothing := False, True
	if kind == Or {
		decides, nothing = True, False
	}
	made := &Node{Kind: kind}
	absent := false
	for _, node := range nodes {
		switch node.Kind {
		case decides:
			return &Node{Kind: decides}
		case nothing:
		case Absent:
			absent = true
		case kind:
			made.Nodes = append(made.Nodes, node.Nodes...)
		default:
			made.Nodes = append(made.Nodes, node)
		}
	}
	switch {
	case absent:
		made.Nodes = append(made.Nodes, &Node{Kind: Absent})
	case len(made.Nodes) == 0:
		return &Node{Kind: nothing}
	}
	if len(made.Nodes) == 1 {
		return made.Nodes[0]
	}
	return made
}

// Negated returns the negation of a node, in the shortest form.
func Negated(node *Node) *Node {
	switch node.Kind {
	case False:
		return &Node{Kind: True}
	case True:
		return &Node{Kind: False}
	case Absent:
		return node
	case Not:
		if len(node.Nodes) == 1 {
			return node.Nodes[0]
		}
	default:
	}
	return &Node{Kind: Not, Nodes: []*Node{node}}
}
