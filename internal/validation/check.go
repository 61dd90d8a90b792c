package validation

import (
	"slices"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// hold reports whether everything in a message has the size it may have. It makes
// nothing, so that a message that is fine costs no memory.
func (s *sizes) hold(message protoreflect.Message) bool {
	for _, sized := range s.fields {
		if !sized.plain && !message.Has(sized.field) {
			continue
		}
		if !sized.hold(message.Get(sized.field)) {
			return false
		}
	}
	return true
}

// hold reports whether a field has the sizes it may have.
func (f *sizedField) hold(value protoreflect.Value) bool {
	if !within(f.whole, value, f.field) {
		return false
	}
	switch {
	case f.field.IsList():
		if !f.checksValues() {
			return true
		}
		list := value.List()
		for i := range list.Len() {
			if !f.holdValue(list.Get(i)) {
				return false
			}
		}
		return true
	case f.field.IsMap():
		if !f.checksValues() && len(f.keys) == 0 {
			return true
		}
		holds := true
		value.Map().Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
			holds = within(f.keys, key.Value(), f.field) && f.holdValue(value)
			return holds
		})
		return holds
	default:
		return f.holdValue(value)
	}
}

// checksValues reports whether there is something to check in each element or entry.
func (f *sizedField) checksValues() bool {
	return len(f.values) > 0 || f.valid != nil || f.within != nil
}

// holdValue reports whether one value of a field has the size it may have.
func (f *sizedField) holdValue(value protoreflect.Value) bool {
	switch {
	case f.wrapped != nil:
		return within(f.values, value.Message().Get(f.wrapped), f.field)
	case f.valid != nil:
		return f.valid.in(value.Message())
	case f.within != nil:
		return f.within.hold(value.Message())
	default:
		return within(f.values, value, f.field)
	}
}

// within reports whether a value exceeds none of some limits.
func within(limits []limit, value protoreflect.Value, field protoreflect.FieldDescriptor) bool {
	for i := range limits {
		if limits[i].exceeded(value, field) {
			return false
		}
	}
	return true
}

// in reports whether a message is well formed.
func (w *wellFormed) in(message protoreflect.Message) bool {
	fields := message.Descriptor().Fields()
	return w.holds(message.Get(fields.ByNumber(1)).Int(), message.Get(fields.ByNumber(2)).Int())
}

// A place is where in a message a check is, as a list from the inside out. It is
// turned into a path only where something does not hold.
type place struct {
	parent *place
	field  protoreflect.FieldDescriptor
	index  int // of an element, where the field is a list
	key    protoreflect.MapKey
	inList bool
	inMap  bool
}

// path returns the place as protovalidate says it.
func (p *place) path() *validate.FieldPath {
	var elements []*validate.FieldPathElement
	for ; p != nil; p = p.parent {
		element := element(p.field)
		switch {
		case p.inList:
			element.SetIndex(uint64(p.index)) //nolint:gosec // an index
		case p.inMap:
			setKey(element, p.field, p.key)
		}
		elements = append(elements, element)
	}
	slices.Reverse(elements)
	return validate.FieldPath_builder{Elements: elements}.Build()
}

func setKey(element *validate.FieldPathElement, field protoreflect.FieldDescriptor, key protoreflect.MapKey) {
	element.SetKeyType(descriptorpb.FieldDescriptorProto_Type(field.MapKey().Kind()))
	element.SetValueType(descriptorpb.FieldDescriptorProto_Type(field.MapValue().Kind()))
	switch value := key.Interface().(type) {
	case bool:
		element.SetBoolKey(value)
	case int32:
		element.SetIntKey(int64(value))
	case int64:
		element.SetIntKey(value)
	case uint32:
		element.SetUintKey(uint64(value))
	case uint64:
		element.SetUintKey(value)
	case string:
		element.SetStringKey(value)
	}
}

// A check is one look at the sizes in a message.
type check struct {
	// found is what does not hold, one more than a caller is told at most; fields are
	// where.
	found  []*validate.Violation
	fields map[protoreflect.FieldDescriptor]bool
}

// check looks at the sizes in a message.
func (s *sizes) check(message protoreflect.Message) *check {
	check := &check{fields: map[protoreflect.FieldDescriptor]bool{}}
	check.message(s, message, nil)
	return check
}

// over reports whether enough was found.
func (c *check) over() bool { return len(c.found) > maxTold }

func (c *check) message(sizes *sizes, message protoreflect.Message, parent *place) {
	for _, sized := range sizes.fields {
		if c.over() {
			return
		}
		if !message.Has(sized.field) {
			continue
		}
		value := message.Get(sized.field)
		here := place{parent: parent, field: sized.field}
		c.limits(sized.whole, value, &here, false)
		switch {
		case sized.field.IsList():
			c.list(sized, value.List(), here)
		case sized.field.IsMap():
			c.entries(sized, value.Map(), here)
		default:
			c.value(sized, value, &here)
		}
	}
}

func (c *check) list(sized *sizedField, list protoreflect.List, here place) {
	if !sized.checksValues() {
		return
	}
	here.inList = true
	for i := 0; i < list.Len() && !c.over(); i++ {
		here.index = i
		c.value(sized, list.Get(i), &here)
	}
}

func (c *check) entries(sized *sizedField, entries protoreflect.Map, here place) {
	if len(sized.keys) == 0 && !sized.checksValues() {
		return
	}
	here.inMap = true
	entries.Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
		here.key = key
		c.limits(sized.keys, key.Value(), &here, true)
		c.value(sized, value, &here)
		return !c.over()
	})
}

// value checks one value: of the field, of an element or of an entry.
func (c *check) value(sized *sizedField, value protoreflect.Value, here *place) {
	switch {
	case sized.wrapped != nil:
		c.limits(sized.values, value.Message().Get(sized.wrapped), here, false)
	case sized.valid != nil:
		c.wellFormed(sized.valid, value.Message(), here)
	case sized.within != nil:
		c.message(sized.within, value.Message(), here)
	default:
		c.limits(sized.values, value, here, false)
	}
}

func (c *check) limits(limits []limit, value protoreflect.Value, here *place, forKey bool) {
	for i := range limits {
		limit := &limits[i]
		if !limit.exceeded(value, here.field) {
			continue
		}
		violation := validate.Violation_builder{
			Field:   here.path(),
			Rule:    validate.FieldPath_builder{Elements: limit.path}.Build(),
			RuleId:  &limit.id,
			Message: &limit.message,
		}.Build()
		if forKey {
			violation.SetForKey(true)
		}
		c.found, c.fields[here.field] = append(c.found, violation), true
	}
}

func (c *check) wellFormed(valid *wellFormed, message protoreflect.Message, here *place) {
	if valid.in(message) {
		return
	}
	c.found = append(c.found, validate.Violation_builder{
		Field:   here.path(),
		RuleId:  &valid.id,
		Message: &valid.message,
	}.Build())
}
