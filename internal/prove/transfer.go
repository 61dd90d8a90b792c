package prove

import "google.golang.org/protobuf/reflect/protoreflect"

// transfer sets in one message the fields of another that it has too, by their names, and
// that are not set in it yet.
func transfer(to, from protoreflect.Message) {
	from.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		match := to.Descriptor().Fields().ByName(field.Name())
		if match == nil || match.Kind() != field.Kind() || match.Cardinality() != field.Cardinality() || match.IsMap() != field.IsMap() {
			return true
		}
		if oneof := match.ContainingOneof(); oneof != nil && !to.Has(match) && to.WhichOneof(oneof) != nil {
			return true
		}
		switch {
		case match.IsMap():
		case match.IsList():
			transferList(to, match, value.List())
		case match.Message() != nil:
			transfer(to.Mutable(match).Message(), value.Message())
		case !to.Has(match):
			to.Set(match, value)
		}
		return true
	})
}

func transferList(to protoreflect.Message, field protoreflect.FieldDescriptor, from protoreflect.List) {
	list := to.Mutable(field).List()
	for i := range from.Len() {
		switch {
		case field.Message() == nil && list.Len() <= i:
			list.Append(from.Get(i))
		case field.Message() == nil:
		case list.Len() <= i:
			transfer(list.AppendMutable().Message(), from.Get(i).Message())
		default:
			transfer(list.Get(i).Message(), from.Get(i).Message())
		}
	}
}
