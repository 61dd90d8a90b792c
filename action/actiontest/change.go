package actiontest

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/prove"
)

// A place finds a message within a request, and makes it where it is not there.
type place func(root protoreflect.Message) protoreflect.Message

// explore tries requests that differ from a valid one in one field each.
func (b *breaker) explore(valid proto.Message) {
	b.try(valid)
	b.within(valid, func(root protoreflect.Message) protoreflect.Message { return root }, 0)
}

// within tries changes of the message at a place, and below it.
func (b *breaker) within(valid proto.Message, at place, depth int) {
	if depth > maxDepth {
		return
	}
	of := at(proto.Clone(valid).ProtoReflect())
	fields := of.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		for _, change := range changes(field, of) {
			changed := proto.Clone(valid)
			change(at(changed.ProtoReflect()))
			b.try(changed)
		}
		if below := held(field); below != nil && below.ParentFile().Package() != "google.protobuf" {
			b.within(valid, b.below(at, field), depth+1)
		}
	}
	if rules, err := protovalidate.ResolveMessageRules(of.Descriptor()); err == nil {
		for _, rule := range rules.GetCel() {
			b.together(valid, at, of, rule.GetId(), rule.GetExpression())
		}
		for _, expression := range rules.GetCelExpression() {
			b.together(valid, at, of, expression, expression)
		}
	}
}

// mostTogether is how many requests are tried at most for one rule of several fields.
const mostTogether = 4_000

// together tries changes of all fields that the expression of a rule names, in one request,
// until one breaks the rule.
func (b *breaker) together(valid proto.Message, at place, of protoreflect.Message, id, expression string) {
	isBroken := func() bool {
		for rule := range b.breaches {
			if strings.HasSuffix(rule, ": "+id) {
				return true
			}
		}
		return false
	}
	var each [][]func(protoreflect.Message)
	for i := range of.Descriptor().Fields().Len() {
		field := of.Descriptor().Fields().Get(i)
		if regexp.MustCompile(`\bthis\.` + string(field.Name()) + `\b`).MatchString(expression) {
			each = append(each, changes(field, of))
		}
	}
	if len(each) < 2 || len(each) > 4 {
		return
	}
	most := int(math.Pow(mostTogether, 1/float64(len(each))))
	var from func(field int, changed proto.Message) (broken bool)
	from = func(field int, changed proto.Message) (broken bool) {
		if field == len(each) {
			b.try(changed)
			return isBroken()
		}
		for _, change := range each[field][:min(most, len(each[field]))] {
			next := proto.Clone(changed)
			change(at(next.ProtoReflect()))
			if from(field+1, next) {
				return true
			}
		}
		return false
	}
	if !isBroken() {
		from(0, valid)
	}
}

// below is the place of the message in a field of another.
func (b *breaker) below(at place, field protoreflect.FieldDescriptor) place {
	return func(root protoreflect.Message) protoreflect.Message {
		in := at(root)
		switch {
		case field.IsMap():
			entries := in.Mutable(field).Map()
			var found protoreflect.Message
			entries.Range(func(_ protoreflect.MapKey, value protoreflect.Value) bool {
				found = value.Message()
				return false
			})
			if found == nil {
				found = entries.Mutable(keyOf(field.MapKey(), 0)).Message()
			}
			return found
		case field.IsList():
			if list := in.Mutable(field).List(); list.Len() > 0 {
				return list.Get(0).Message()
			}
			return in.Mutable(field).List().AppendMutable().Message()
		case !in.Has(field):
			made := in.Mutable(field).Message()
			// What it asks for itself is not what is looked at.
			_, _ = b.calls.Complete(made.Interface())
			return made
		default:
			return in.Mutable(field).Message()
		}
	}
}

// changes are what may be done to a field of a message.
func changes(field protoreflect.FieldDescriptor, of protoreflect.Message) []func(protoreflect.Message) {
	all := []func(protoreflect.Message){func(in protoreflect.Message) { in.Clear(field) }}
	switch {
	case field.IsMap():
		for _, count := range counts(field) {
			all = append(all, func(in protoreflect.Message) { fillMap(in, field, count) })
		}
		for _, key := range values(field.MapKey(), protoreflect.Value{}, field) {
			all = append(all, func(in protoreflect.Message) {
				entries := in.Mutable(field).Map()
				entries.Set(key.MapKey(), entries.NewValue())
			})
		}
		if field.MapValue().Message() == nil {
			for _, value := range values(field.MapValue(), protoreflect.Value{}, field) {
				all = append(all, func(in protoreflect.Message) { in.Mutable(field).Map().Set(keyOf(field.MapKey(), 0), value) })
			}
		}
	case field.IsList():
		for _, count := range counts(field) {
			all = append(all, func(in protoreflect.Message) { fillList(in, field, count, of) })
		}
		var first protoreflect.Value
		if list := of.Get(field).List(); list.Len() > 0 {
			first = list.Get(0)
		}
		for _, value := range values(field, first, nil) {
			all = append(all, func(in protoreflect.Message) {
				in.Clear(field)
				in.Mutable(field).List().Append(value)
			})
		}
	case isMask(field):
		for _, path := range maskPaths(field) {
			all = append(all, func(in protoreflect.Message) { setMask(in.Mutable(field).Message(), path) })
		}
	default:
		var now protoreflect.Value
		if of.Has(field) {
			now = of.Get(field)
		}
		for _, value := range values(field, now, nil) {
			all = append(all, func(in protoreflect.Message) { in.Set(field, value) })
		}
	}
	return all
}

// isMask reports whether a field is a mask of field names.
func isMask(field protoreflect.FieldDescriptor) bool {
	return field.Message() != nil && field.Message().FullName() == "google.protobuf.FieldMask"
}

// maskPaths are paths that the rules of a mask may refuse: one that leads nowhere, and those
// that they are written with.
func maskPaths(field protoreflect.FieldDescriptor) []string {
	paths := []string{"no_such_field"}
	if rules, err := protovalidate.ResolveFieldRules(field); err == nil {
		paths = append(paths, rules.GetFieldMask().GetNotIn()...)
	}
	return paths
}

// setMask has a mask name paths and no others.
func setMask(mask protoreflect.Message, paths ...string) {
	field := mask.Descriptor().Fields().ByName("paths")
	mask.Clear(field)
	for _, path := range paths {
		mask.Mutable(field).List().Append(protoreflect.ValueOfString(path))
	}
}

// maxCount is how many elements a list or a map is given at most.
const maxCount = 2_000

// counts are how many elements a list or a map may be given, by the numbers in its rules.
func counts(field protoreflect.FieldDescriptor) []int {
	made := []int{1, 2}
	rules, err := protovalidate.ResolveFieldRules(field)
	if err != nil {
		return made
	}
	for _, limit := range []uint64{
		rules.GetRepeated().GetMinItems(), rules.GetRepeated().GetMaxItems(), rules.GetMap().GetMinPairs(), rules.GetMap().GetMaxPairs(),
	} {
		if limit > 0 && limit < maxCount {
			made = append(made, int(limit)-1, int(limit)+1)
		}
	}
	return made
}

// fillList gives a list so many elements. They are the same.
func fillList(in protoreflect.Message, field protoreflect.FieldDescriptor, count int, of protoreflect.Message) {
	in.Clear(field)
	list := in.Mutable(field).List()
	for range count {
		switch had := of.Get(field).List(); {
		case had.Len() > 0 && field.Message() != nil:
			list.Append(protoreflect.ValueOfMessage(proto.Clone(had.Get(0).Message().Interface()).ProtoReflect()))
		case had.Len() > 0:
			list.Append(had.Get(0))
		default:
			list.Append(list.NewElement())
		}
	}
}

// fillMap gives a map so many entries.
func fillMap(in protoreflect.Message, field protoreflect.FieldDescriptor, count int) {
	in.Clear(field)
	entries := in.Mutable(field).Map()
	for i := range count {
		entries.Set(keyOf(field.MapKey(), i), entries.NewValue())
	}
}

// keyOf is one of the keys of a map.
func keyOf(field protoreflect.FieldDescriptor, i int) protoreflect.MapKey {
	switch field.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(fmt.Sprintf("x%d", i)).MapKey()
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(i%2 == 1).MapKey()
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(i)).MapKey() //nolint:gosec // at most maxCount
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(i)).MapKey() //nolint:gosec // at most maxCount
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(uint64(i)).MapKey() //nolint:gosec // at most maxCount
	default:
		return protoreflect.ValueOfInt64(int64(i)).MapKey()
	}
}

// values are values that a field, or an element of it, may take: those that its rules are
// written with and, for rules that are not written with any, odd ones. now is the value of
// a valid request, if there is one; around is the map of a key or value, or nil.
func values(field protoreflect.FieldDescriptor, now protoreflect.Value, around protoreflect.FieldDescriptor) []protoreflect.Value {
	made := prove.Values(field)
	if around != nil {
		made = append(made, prove.Values(around)...)
		made = keep(made, field)
	}
	switch field.Kind() { //nolint:exhaustive // what the others can be is in Values
	case protoreflect.StringKind:
		return slices.Concat(made, oddTexts(now, made), longTexts(field))
	case protoreflect.BytesKind:
		return append(made, oddBytes(field)...)
	case protoreflect.EnumKind:
		for _, number := range []protoreflect.EnumNumber{0, math.MaxInt32} {
			made = append(made, protoreflect.ValueOfEnum(number))
		}
		for i := range field.Enum().Values().Len() {
			made = append(made, protoreflect.ValueOfEnum(field.Enum().Values().Get(i).Number()))
		}
	case protoreflect.FloatKind:
		for _, number := range oddNumbers(field) {
			made = append(made, protoreflect.ValueOfFloat32(float32(number)))
		}
	case protoreflect.DoubleKind:
		for _, number := range oddNumbers(field) {
			made = append(made, protoreflect.ValueOfFloat64(number))
		}
	}
	return made
}

// keep are those values that are of a field's kind.
func keep(of []protoreflect.Value, field protoreflect.FieldDescriptor) []protoreflect.Value {
	var kept []protoreflect.Value
	for _, value := range of {
		if fmt.Sprintf("%T", value.Interface()) == fmt.Sprintf("%T", field.Default().Interface()) && field.Message() == nil {
			kept = append(kept, value)
		}
	}
	return kept
}

// oddTexts are texts that rules refuse often: of other characters, of another case, and
// longer ones of the forms that are known.
func oddTexts(now protoreflect.Value, known []protoreflect.Value) []protoreflect.Value {
	texts := []string{"", " ", "!", "x", "X", "\x00", "a\x00b", "\u202e", "not a form", "a\nb", "A0000000-0000-4000-8000-000000000001"}
	if now.IsValid() {
		text := now.String()
		texts = append(texts, strings.ToUpper(text), strings.ToLower(text), text+"\n", text+" ", " "+text, text+"!", text+text)
	}
	made := make([]protoreflect.Value, 0, 2*len(texts))
	for _, text := range texts {
		made = append(made, protoreflect.ValueOfString(text))
	}
	for _, value := range known {
		if text, ok := value.Interface().(string); ok && len(text) > 0 && len(text) <= maxCount {
			made = append(made, protoreflect.ValueOfString(text+"@example.com"), protoreflect.ValueOfString("https://example.com/"+text))
		}
	}
	return made
}

// maxLong is how long a text is made at most to break a rule.
const maxLong = 1 << 20

// longTexts are texts that are longer than the rules of a field allow.
func longTexts(field protoreflect.FieldDescriptor) []protoreflect.Value {
	rules, err := protovalidate.ResolveFieldRules(field)
	if err != nil {
		return nil
	}
	var made []protoreflect.Value
	of := []*validate.StringRules{rules.GetString(), rules.GetRepeated().GetItems().GetString()}
	for _, text := range of {
		for _, most := range []uint64{text.GetMaxLen(), text.GetMaxBytes(), text.GetLen(), text.GetLenBytes()} {
			if most > 0 && most < maxLong {
				made = append(made, protoreflect.ValueOfString(strings.Repeat("x", int(most)+1)))
			}
		}
	}
	return made
}

func oddBytes(field protoreflect.FieldDescriptor) []protoreflect.Value {
	made := []protoreflect.Value{protoreflect.ValueOfBytes([]byte{0}), protoreflect.ValueOfBytes([]byte("x"))}
	rules, err := protovalidate.ResolveFieldRules(field)
	if err != nil {
		return made
	}
	for _, length := range []uint64{rules.GetBytes().GetLen(), rules.GetBytes().GetMinLen(), rules.GetBytes().GetMaxLen()} {
		if length > 0 && length < 1<<16 {
			made = append(made, protoreflect.ValueOfBytes(make([]byte, length-1)), protoreflect.ValueOfBytes(make([]byte, length)), protoreflect.ValueOfBytes(make([]byte, length+1)))
		}
	}
	return made
}

// oddNumbers are floating-point numbers: the rules' own and their neighbours, and those
// that are none.
func oddNumbers(field protoreflect.FieldDescriptor) []float64 {
	made := []float64{0, 1, -1, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat32, -math.MaxFloat32}
	rules, err := protovalidate.ResolveFieldRules(field)
	if err != nil {
		return made
	}
	for _, of := range []protoreflect.Message{rules.GetFloat().ProtoReflect(), rules.GetDouble().ProtoReflect()} {
		of.Range(func(_ protoreflect.FieldDescriptor, value protoreflect.Value) bool {
			if number := numberOf(value); !math.IsNaN(number) {
				made = append(made, number, number+1, number-1)
			}
			return true
		})
	}
	return made
}
