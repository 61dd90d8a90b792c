package filter

import (
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// A said is what a node says of an element. Its zero value is no.
type said uint8

const (
	no said = iota
	yes
	absent
)

func saidOf(holds bool) said {
	if holds {
		return yes
	}
	return no
}

// of returns what the node says of an element. What it does not understand is absent.
func (n *Node) of(item protoreflect.Message) said {
	switch n.Kind {
	case False:
		return no
	case True:
		return yes
	case Absent:
		return absent
	case And:
		return n.connected(item, no, yes)
	case Or:
		return n.connected(item, yes, no)
	case Not:
		if len(n.Nodes) != 1 {
			return absent
		}
		switch n.Nodes[0].of(item) {
		case no:
			return yes
		case yes:
			return no
		case absent:
		}
		return absent
	case Has, Equals, Less, LessEquals, Greater, GreaterEquals, Among, Contains:
		return n.field(item)
	case Other:
		if n.Ask == nil {
			return absent
		}
		holds, known := n.Ask(item.Interface())
		if !known {
			return absent
		}
		return saidOf(holds)
	}
	return absent
}

// connected is decides where one of the nodes says so, absent where one is, and otherwise
// else.
func (n *Node) connected(item protoreflect.Message, decides, otherwise said) said {
	result := otherwise
	for _, node := range n.Nodes {
		switch node.of(item) {
		case decides:
			return decides
		case absent:
			result = absent
		default:
		}
	}
	return result
}

// field is what a node says that looks at a field.
func (n *Node) field(item protoreflect.Message) said {
	if len(n.Path) == 0 {
		return absent
	}
	for i, known := range n.Path {
		// The element may be of another descriptor of the same name.
		field := item.Descriptor().Fields().ByName(known.Name())
		switch {
		case field == nil:
			return absent
		case i == len(n.Path)-1:
			return n.leaf(item, field)
		case field.Message() == nil || field.IsList() || field.IsMap() || !item.Has(field):
			return absent
		}
		item = item.Get(field).Message()
	}
	return absent
}

// leaf is what a node says of the last field of its path.
func (n *Node) leaf(message protoreflect.Message, field protoreflect.FieldDescriptor) said {
	isAbsent := mayBeAbsent(field) && !message.Has(field)
	switch {
	case n.Kind == Has:
		return saidOf(message.Has(field))
	case n.Kind == Contains:
		if !field.IsList() || len(n.Values) != 1 {
			return absent
		}
		list := message.Get(field).List()
		for i := range list.Len() {
			if value, ok := plain(field, list.Get(i)); ok && equal(value, n.Values[0]) {
				return yes
			}
		}
		return no
	case isAbsent || field.IsList() || field.IsMap():
		return absent
	}
	value, ok := plain(field, message.Get(field))
	switch {
	case !ok:
		return absent
	case n.Kind == Among:
		for _, other := range n.Values {
			if equal(value, other) {
				return yes
			}
		}
		return no
	case len(n.Values) != 1:
		return absent
	case n.Kind == Equals:
		return saidOf(equal(value, n.Values[0]))
	}
	order, ok := compare(value, n.Values[0])
	if !ok {
		return absent
	}
	switch n.Kind {
	case Less:
		return saidOf(order < 0)
	case LessEquals:
		return saidOf(order <= 0)
	case Greater:
		return saidOf(order > 0)
	default:
		return saidOf(order >= 0)
	}
}

// mayBeAbsent reports whether a field has no value where it is not set, as conditions read
// it. A default of its own is a value.
func mayBeAbsent(field protoreflect.FieldDescriptor) bool {
	return field.HasPresence() && (field.Message() != nil || !field.HasDefault())
}

// plain is the value of a field as [Node.Values] have it.
func plain(field protoreflect.FieldDescriptor, value protoreflect.Value) (any, bool) {
	switch field.Kind() {
	case protoreflect.BoolKind:
		return value.Bool(), true
	case protoreflect.StringKind:
		return value.String(), true
	case protoreflect.EnumKind:
		return int64(value.Enum()), true
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind,
		protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return value.Int(), true
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind, protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return value.Uint(), true
	case protoreflect.MessageKind:
		if field.Message().FullName() != "google.protobuf.Timestamp" {
			return nil, false
		}
		of, fields := value.Message(), field.Message().Fields()
		return time.Unix(of.Get(fields.ByName("seconds")).Int(), of.Get(fields.ByName("nanos")).Int()).UTC(), true
	default:
		return nil, false
	}
}

func equal(one, other any) bool {
	order, ok := compare(one, other)
	return ok && order == 0
}

// compare compares two values of one type. Strings are compared by their bytes.
func compare(one, other any) (order int, ok bool) {
	switch one := one.(type) {
	case bool:
		other, ok := other.(bool)
		if one == other {
			return 0, ok
		}
		return 1, ok
	case string:
		other, ok := other.(string)
		return strings.Compare(one, other), ok
	case int64:
		other, ok := other.(int64)
		return orderOf(one < other, one > other), ok
	case uint64:
		other, ok := other.(uint64)
		return orderOf(one < other, one > other), ok
	case time.Time:
		other, ok := other.(time.Time)
		return one.Compare(other), ok
	default:
		return 0, false
	}
}

func orderOf(less, greater bool) int {
	switch {
	case less:
		return -1
	case greater:
		return 1
	default:
		return 0
	}
}
