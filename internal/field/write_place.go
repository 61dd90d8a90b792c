package field

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/condition"
)

// A mode is what is written of a message.
type mode uint8

const (
	present mode = iota // what is set
	masked              // what a mask names
	outside             // nothing: a mask does not name it
)

// A place is where a message stands.
type place struct {
	mode mode
	mask *node // in masked

	// about leads from here to the message that the action is about, where isAbout is true.
	about   condition.Path
	isAbout bool
	// key leads from here to what finds that message, and is never cleared. It is empty
	// where it does not lead through here.
	key condition.Path
}

// isKey reports whether a field of the message finds the object: it is the same in what is
// stored.
func (p place) isKey(field protoreflect.FieldDescriptor) bool {
	return len(p.key) == 1 && p.key[0] == field
}

// maskOr is what the mask names here: nothing, outside of it.
func (p place) maskOr() *node {
	if p.mode == masked {
		return p.mask
	}
	return nil
}

// sets reports whether a message sets a field: it, or a member of its oneof, has a value.
func sets(message protoreflect.Message, field protoreflect.FieldDescriptor) bool {
	if oneof := oneofOf(field); oneof != nil {
		return message.WhichOneof(oneof) != nil
	}
	return message.Has(field)
}

// names reports whether a mask names a field, a part of it or a member of its oneof, and
// whether it names all of the field itself.
func names(mask *node, field protoreflect.FieldDescriptor) (named, whole bool) {
	if of := mask.of(field); of != nil {
		return true, of.all
	}
	oneof := oneofOf(field)
	return oneof != nil && namesOneof(mask, oneof), false
}

func namesOneof(mask *node, oneof protoreflect.OneofDescriptor) bool {
	return namesAnother(mask, oneof, nil)
}

// namesAnother reports whether a mask names a member of a oneof besides one.
func namesAnother(mask *node, oneof protoreflect.OneofDescriptor, besides protoreflect.FieldDescriptor) bool {
	for i := range oneof.Fields().Len() {
		if member := oneof.Fields().Get(i); member != besides && mask.of(member) != nil {
			return true
		}
	}
	return false
}
