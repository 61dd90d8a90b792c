package condition

import (
	"bytes"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A Keeping keeps what conditions read of requests, so that they can be decided again for a
// request that has changed since. The zero Keeping keeps nothing of a request. It is
// immutable and safe for concurrent use.
type Keeping struct {
	all   bool   // the whole request is kept
	paths []Path // to what is kept otherwise
}

// NewKeeping returns a Keeping for the given reads. It keeps the whole request where one of
// them reads all of it, or a map, or a list of messages.
func NewKeeping(reads []Read) Keeping {
	var made Keeping
	for _, read := range reads {
		switch {
		case !read.OfRequest():
		case read.path == nil || isComposed(read.path.leaf()):
			return KeepAll()
		default:
			made.paths = append(made.paths, read.path)
		}
	}
	return made
}

// KeepAll returns a Keeping that keeps the whole request.
func KeepAll() Keeping { return Keeping{all: true} }

func isComposed(field protoreflect.FieldDescriptor) bool {
	return field.IsMap() || field.IsList() && field.Message() != nil
}

// Kept is what was kept of one request. It shares no memory with the request that can be
// written to. The zero Kept is of no request. It is for one goroutine at a time.
type Kept struct {
	whole  proto.Message
	kind   protoreflect.MessageType // nil where the whole request was kept, or none
	paths  []Path
	values []keptValue // one for each path
}

// A keptValue is what is at one path.
type keptValue struct {
	set  int                  // how many fields of the path are set, the last one where it has a presence
	one  protoreflect.Value   // of a field that is no list
	many []protoreflect.Value // of a list
}

// Keep makes kept of a request, of which it has what is read, fields that are marked
// debug_redact included. It uses again the memory that kept has.
func (k Keeping) Keep(kept *Kept, request proto.Message) {
	from := request.ProtoReflect()
	if k.all || len(k.paths) > 0 && k.paths[0][0].ContainingMessage() != from.Descriptor() { // of other fields, to Go
		*kept = Kept{whole: proto.Clone(request)}
		return
	}
	if kept.values == nil {
		kept.values = make([]keptValue, len(k.paths))
	}
	kept.whole, kept.kind, kept.paths = nil, from.Type(), k.paths
	for i, path := range k.paths {
		kept.values[i].keep(path, from)
	}
}

// Request returns a request with what is kept, and nil where there is none. Nothing may
// write to it.
func (k *Kept) Request() proto.Message {
	if k.kind == nil {
		return k.whole
	}
	made := k.kind.New()
	for i, path := range k.paths {
		k.values[i].restore(path, made)
	}
	return made.Interface()
}

func (v *keptValue) keep(path Path, from protoreflect.Message) {
	v.set, v.one, v.many = 0, protoreflect.Value{}, v.many[:0]
	for _, field := range path[:len(path)-1] {
		if !from.Has(field) {
			return
		}
		v.set++
		from = from.Get(field).Message()
	}
	field := path.leaf()
	if field.HasPresence() && !from.Has(field) {
		return
	}
	v.set++
	switch value := from.Get(field); {
	case field.IsList():
		for i := range value.List().Len() {
			v.many = append(v.many, own(field, value.List().Get(i)))
		}
	case field.Message() != nil:
		v.one = protoreflect.ValueOfMessage(proto.Clone(value.Message().Interface()).ProtoReflect())
	default:
		v.one = own(field, value)
	}
}

// own returns a value that shares no memory that can be written to.
func own(field protoreflect.FieldDescriptor, value protoreflect.Value) protoreflect.Value {
	if field.Kind() == protoreflect.BytesKind {
		return protoreflect.ValueOfBytes(bytes.Clone(value.Bytes()))
	}
	return value
}

func (v *keptValue) restore(path Path, to protoreflect.Message) {
	for _, field := range path[:min(v.set, len(path)-1)] {
		to = to.Mutable(field).Message()
	}
	switch field := path.leaf(); {
	case v.set < len(path):
	case field.IsList():
		list := to.Mutable(field).List()
		list.Truncate(0) // another path may lead through a message that has it
		for _, value := range v.many {
			list.Append(value)
		}
	case field.Message() != nil:
		to.Set(field, protoreflect.ValueOfMessage(proto.Clone(v.one.Message().Interface()).ProtoReflect()))
	default:
		to.Set(field, v.one)
	}
}
