package wire

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// A binaryWalk is one walk over a message in the binary format.
type binaryWalk struct {
	counter *Counter
	limit   int
	cost    Cost
}

// message counts what is in a message. It reports whether to go on: not where the
// data is malformed, nor beyond the limit.
func (w *binaryWalk) message(plan *plan, data []byte, depth int) bool {
	_, ok := w.fields(plan, data, 0, depth)
	return ok
}

// fields counts fields up to the end of data, or to the end of the group with this
// number. It returns what is left.
func (w *binaryWalk) fields(plan *plan, data []byte, group protowire.Number, depth int) ([]byte, bool) {
	if depth == 0 {
		return nil, false
	}
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return nil, false
		}
		data = data[n:]
		if kind == protowire.EndGroupType {
			return data, number == group
		}
		field := w.find(plan, number)
		var ok bool
		switch {
		case field == nil:
			data, ok = w.skip(number, kind, data)
		case kind == protowire.BytesType:
			content, n := protowire.ConsumeBytes(data)
			if n < 0 {
				return nil, false
			}
			data, ok = data[n:], w.bytes(field, content, depth)
		case kind == protowire.StartGroupType && field.group && field.message != nil:
			w.item(field)
			w.cost.Bytes += field.message.size
			data, ok = w.fields(field.message, data, number, depth-1)
		default:
			if field.list {
				w.item(field)
			}
			data, ok = w.skip(number, kind, data)
		}
		if !ok || w.cost.Items > w.limit {
			return nil, false
		}
	}
	return nil, group == 0
}

// find returns the field with a number, or nil where the decoder knows none.
func (w *binaryWalk) find(plan *plan, number protowire.Number) *field {
	if int(number) < len(plan.low) {
		if field := plan.low[number]; field != nil {
			return field
		}
	} else if field, ok := plan.high[number]; ok {
		return field
	}
	if !plan.extendable {
		return nil
	}
	extension, err := protoregistry.GlobalTypes.FindExtensionByNumber(plan.message.FullName(), number)
	if err != nil {
		return nil
	}
	return w.counter.extension(extension.TypeDescriptor())
}

// item counts one element, entry or message.
func (w *binaryWalk) item(field *field) {
	w.cost.Items++
	w.cost.Bytes += field.each
}

// skip steps over a value that makes nothing countable. Unknown fields are kept as
// they are.
func (w *binaryWalk) skip(number protowire.Number, kind protowire.Type, data []byte) ([]byte, bool) {
	n := protowire.ConsumeFieldValue(number, kind, data)
	if n < 0 {
		return nil, false
	}
	w.cost.Bytes += int64(n)
	return data[n:], true
}

// bytes counts what is in a value with a length.
func (w *binaryWalk) bytes(field *field, content []byte, depth int) bool {
	switch {
	case field.entries:
		return w.entry(field, content, depth)
	case field.message != nil:
		if field.group { // an unknown field, since a group is not spelt like this
			w.cost.Bytes += int64(len(content))
			return true
		}
		w.item(field)
		w.cost.Bytes += field.message.size
		return w.message(field.message, content, depth-1)
	case field.packed != unpacked:
		w.pack(field, content)
		return true
	case field.list:
		w.item(field)
	}
	w.cost.Bytes += int64(len(content))
	return true
}

// entry counts an entry of a map, and the message that is its value: where there is
// none on the wire too, since an empty one is then made.
func (w *binaryWalk) entry(field *field, content []byte, depth int) bool {
	w.item(field)
	w.cost.Bytes += int64(len(content))
	if field.message == nil {
		return true
	}
	w.cost.Items++
	w.cost.Bytes += field.message.size
	for len(content) > 0 {
		number, kind, n := protowire.ConsumeTag(content)
		if n < 0 {
			return false
		}
		content = content[n:]
		n = protowire.ConsumeFieldValue(number, kind, content)
		if n < 0 {
			return false
		}
		if number == valueNumber && kind == protowire.BytesType {
			inner, _ := protowire.ConsumeBytes(content)
			if !w.message(field.message, inner, depth-1) {
				return false
			}
		}
		content = content[n:]
	}
	return true
}

// valueNumber is the number of the value in a map's entry.
const valueNumber = 2

// pack counts the elements of a packed list.
func (w *binaryWalk) pack(field *field, content []byte) {
	var elements int
	switch field.packed {
	case fixed32s:
		elements = len(content) / 4
	case fixed64s:
		elements = len(content) / 8
	default:
		// The last byte of each number is the one without the high bit.
		for _, b := range content {
			if b < 0x80 {
				elements++
			}
		}
	}
	w.cost.Items += elements
	w.cost.Bytes += int64(elements) * field.each
}
