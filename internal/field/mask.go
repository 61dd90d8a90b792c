package field

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Bounds of masks: a caller sends them.
const (
	// maxDeep is how many names a path of a mask has at most.
	maxDeep = 32
	// maxPaths is how many paths a mask has at most.
	maxPaths = 1_000
)

// A node is what a mask names of a message. A nil one is nothing.
type node struct {
	all    bool // all of it
	fields map[protoreflect.FieldDescriptor]*node
}

// everything is a mask that names all fields.
var everything = &node{all: true}

// of returns what the node names of a field.
func (n *node) of(field protoreflect.FieldDescriptor) *node {
	switch {
	case n == nil:
		return nil
	case n.all:
		return everything
	default:
		return n.fields[field]
	}
}

// ErrMask says that a mask cannot be read: a path of it leads to no field, or there is too
// much of it.
var ErrMask = errors.New("a path of the mask")

// readMask reads the paths of a mask of fields of a message. "*" is all of them. A path leads
// through messages that are neither repeated nor in a map. An error is the caller's.
func readMask(paths protoreflect.List, of protoreflect.MessageDescriptor) (*node, error) {
	if paths.Len() > maxPaths {
		return nil, fmt.Errorf("%w: there are more than %d", ErrMask, maxPaths)
	}
	root := &node{}
	for i := range paths.Len() {
		if err := root.add(paths.Get(i).String(), of); err != nil {
			return nil, err
		}
	}
	return root, nil
}

// add adds a path. One that is named already, or below one that is, adds nothing.
func (n *node) add(path string, of protoreflect.MessageDescriptor) error {
	if path == "*" {
		n.all = true
		return nil
	}
	if strings.Count(path, ".") >= maxDeep {
		return fmt.Errorf("%w has more than %d names", ErrMask, maxDeep)
	}
	at := n
	for name := range strings.SplitSeq(path, ".") {
		if of == nil {
			return fmt.Errorf("%w leads through a field that is no message of its own", ErrMask)
		}
		field := of.Fields().ByName(protoreflect.Name(name))
		if field == nil {
			return fmt.Errorf("%w names no field of %s", ErrMask, of.FullName())
		}
		below := at.fields[field]
		if below == nil {
			below = &node{}
			if at.fields == nil {
				at.fields = map[protoreflect.FieldDescriptor]*node{}
			}
			at.fields[field] = below
		}
		at, of = below, nil
		if !field.IsList() && !field.IsMap() {
			of = field.Message()
		}
	}
	at.all = true
	return nil
}
