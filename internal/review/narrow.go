package review

import (
	"cmp"
	"math"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// narrows reports whether the rules of each field accept nothing that the former rules of
// it do not. It says yes where the rules show it: each former rule is still there, or one
// that implies it. Otherwise it says no, and that shows nothing.
func narrows(old, now []*validate.FieldRules) bool {
	if len(old) != len(now) {
		return false
	}
	for i := range old {
		if !narrowsField(old[i], now[i]) {
			return false
		}
	}
	return true
}

func narrowsField(old, now *validate.FieldRules) bool {
	// What is ignored in other cases is not compared.
	return old.GetIgnore() == now.GetIgnore() && narrowsMessage(old.ProtoReflect(), now.ProtoReflect())
}

// narrowsMessage compares rules of one message: those of a field, of a type, or of the
// elements of a list.
func narrowsMessage(old, now protoreflect.Message) bool {
	// Rules of other definitions stand among the unknown fields.
	if isOutside(old) || isOutside(now) || len(old.GetUnknown())+len(now.GetUnknown()) > 0 {
		return proto.Equal(old.Interface(), now.Interface())
	}
	all := true
	old.Range(func(field protoreflect.FieldDescriptor, was protoreflect.Value) bool {
		all = now.Has(field) && narrowsRule(field, was, now.Get(field))
		return all
	})
	return all
}

// isOutside reports whether the rules accept what lies outside of two limits: then a
// limit that is lower does not accept less.
func isOutside(rules protoreflect.Message) bool {
	value := func(names ...protoreflect.Name) (protoreflect.Value, bool) {
		for _, name := range names {
			if field := rules.Descriptor().Fields().ByName(name); field != nil && rules.Has(field) {
				return rules.Get(field), true
			}
		}
		return protoreflect.Value{}, false
	}
	low, hasLow := value("gt", "gte")
	high, hasHigh := value("lt", "lte")
	order, ok := compareValues(low, high)
	return hasLow && hasHigh && (!ok || order >= 0)
}

// narrowsRule compares one rule that both have.
func narrowsRule(field protoreflect.FieldDescriptor, old, now protoreflect.Value) bool {
	switch name := string(field.Name()); {
	case field.IsMap():
		return old.Equal(now)
	case name == "in":
		return containsAll(old.List(), now.List()) // accepts no other
	case name == "example":
		return true // no rule
	case field.IsList():
		return containsAll(now.List(), old.List()) // not_in, cel and the like: refuses as much
	case name == "gt", name == "gte", strings.HasPrefix(name, "min_"):
		order, ok := compareValues(now, old)
		return ok && order >= 0
	case name == "lt", name == "lte", strings.HasPrefix(name, "max_"):
		order, ok := compareValues(now, old)
		return ok && order <= 0
	case field.Message() != nil && field.Message().FullName() == "buf.validate.FieldRules":
		was, _ := old.Message().Interface().(*validate.FieldRules)
		is, _ := now.Message().Interface().(*validate.FieldRules)
		return narrowsField(was, is)
	case field.Message() != nil && field.Message().FullName().Parent() == "buf.validate":
		return narrowsMessage(old.Message(), now.Message())
	default:
		return old.Equal(now)
	}
}

// containsAll reports whether a list has every element of another.
func containsAll(list, elements protoreflect.List) bool {
	for i := range elements.Len() {
		found := false
		for j := range list.Len() {
			found = found || list.Get(j).Equal(elements.Get(i))
		}
		if !found {
			return false
		}
	}
	return true
}

// compareValues orders two limits: numbers, durations and timestamps.
func compareValues(a, b protoreflect.Value) (order int, ok bool) {
	if !a.IsValid() || !b.IsValid() {
		return 0, false
	}
	switch one := a.Interface().(type) {
	case int32, int64:
		return cmp.Compare(a.Int(), b.Int()), true
	case uint32, uint64:
		return cmp.Compare(a.Uint(), b.Uint()), true
	case float32, float64:
		return cmp.Compare(a.Float(), b.Float()), !math.IsNaN(a.Float()) && !math.IsNaN(b.Float())
	case protoreflect.Message:
		return compareTimes(one.Interface(), b.Message().Interface())
	default:
		return 0, false
	}
}

func compareTimes(a, b proto.Message) (order int, ok bool) {
	switch one := a.(type) {
	case *durationpb.Duration:
		other, ok := b.(*durationpb.Duration)
		return cmp.Compare(one.AsDuration(), other.AsDuration()), ok
	case *timestamppb.Timestamp:
		other, ok := b.(*timestamppb.Timestamp)
		return one.AsTime().Compare(other.AsTime()), ok
	default:
		return 0, false
	}
}
