package validation

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// sizes are the rules of a message's type that limit how large something may be, and
// what google.protobuf.Timestamp and Duration ask of themselves. They are checked
// ahead of protovalidate, which runs the rules in CEL of a field before those that
// would have kept it short.
type sizes struct {
	fields []*sizedField
}

// A sizedField is a field with something to check.
type sizedField struct {
	field protoreflect.FieldDescriptor
	// plain is a text or bytes that are empty where they are not set, which is within
	// every limit: nothing need be asked of their presence.
	plain bool
	// whole limits the elements of a list or the entries of a map.
	whole []limit
	// keys and values limit the keys of a map and its values, the elements of a list, or
	// the one value.
	keys, values []limit
	// within is what to check in a message that is the value; nil for nothing.
	within *sizes
	// valid checks a Timestamp or Duration; nil for anything else.
	valid *wellFormed
	// wrapped is the field of a wrapper that holds the value; nil for anything else.
	wrapped protoreflect.FieldDescriptor
}

// A limit is one rule.
type limit struct {
	most    uint64
	unit    unit
	id      string
	message string
	path    []*validate.FieldPathElement
}

// A unit is what a limit counts.
type unit uint8

const (
	items  unit = iota
	runes       // of a text
	octets      // of a text
	blob        // of bytes
)

// exceeded reports whether a value is larger than the limit.
func (l *limit) exceeded(value protoreflect.Value, field protoreflect.FieldDescriptor) bool {
	switch l.unit {
	case items:
		if field.IsMap() {
			return l.below(value.Map().Len())
		}
		return l.below(value.List().Len())
	case blob:
		return l.below(len(value.Bytes()))
	case octets:
		return l.below(len(value.String()))
	default:
		text := value.String()
		// A character takes four bytes at most, so most texts need not be counted.
		return l.below(len(text)) && (l.below(len(text)/utf8.UTFMax) || l.below(utf8.RuneCountInString(text)))
	}
}

// below reports whether the limit is below a length.
func (l *limit) below(length int) bool { return length > 0 && uint64(length) > l.most }

// wellFormed is what a Timestamp or Duration has to be.
type wellFormed struct {
	holds       func(seconds, nanos int64) bool
	id, message string
}

// The ranges that timestamp.proto and duration.proto define. In JSON a decoder checks
// them, in binary nothing does.
var (
	timestamp = &wellFormed{
		holds: func(seconds, nanos int64) bool {
			return seconds >= -62135596800 && seconds <= 253402300799 && nanos >= 0 && nanos < 1e9
		},
		id:      "timestamp.valid",
		message: "must be a time from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z",
	}
	duration = &wellFormed{
		holds: func(seconds, nanos int64) bool {
			const most = 315576000000
			return seconds >= -most && seconds <= most && nanos > -1e9 && nanos < 1e9 &&
				(seconds <= 0 || nanos >= 0) && (seconds >= 0 || nanos <= 0)
		},
		id:      "duration.valid",
		message: "must be at most 315576000000 seconds, and its seconds and nanos of one sign",
	}
)

// readSizes returns what there is to check in a message of this type, or nil.
func readSizes(message protoreflect.MessageDescriptor) (*sizes, error) {
	reading := map[sizesKey]*sizes{}
	result, err := read(sizesKey{message, true}, reading)
	if err != nil {
		return nil, err
	}
	// What holds nothing to check is left out. That a message is within itself does not
	// make it hold something.
	holds := map[*sizes]bool{}
	for changed := true; changed; {
		changed = false
		for _, s := range reading {
			for _, field := range s.fields {
				if !holds[s] && (field.checks() || holds[field.within]) {
					holds[s], changed = true, true
				}
			}
		}
	}
	for _, s := range reading {
		kept := s.fields[:0]
		for _, field := range s.fields {
			if !holds[field.within] {
				field.within = nil
			}
			if field.checks() || field.within != nil {
				kept = append(kept, field)
			}
		}
		s.fields = kept
	}
	if !holds[result] {
		return nil, nil //nolint:nilnil // nothing to check is no error
	}
	return result, nil
}

// asksMore reports whether there is something to check that no rule asks for: times.
func (s *sizes) asksMore() bool {
	seen := map[*sizes]bool{}
	var asks func(*sizes) bool
	asks = func(s *sizes) bool {
		if s == nil || seen[s] {
			return false
		}
		seen[s] = true
		return slices.ContainsFunc(s.fields, func(field *sizedField) bool { return field.valid != nil || asks(field.within) })
	}
	return asks(s)
}

// checks reports whether there is something to check besides what is within.
func (f *sizedField) checks() bool {
	return len(f.whole) > 0 || len(f.keys) > 0 || len(f.values) > 0 || f.valid != nil
}

// A sizesKey is a type of message, and whether its rules hold: those of what a field
// with IGNORE_ALWAYS holds do not. Times are checked all the same.
type sizesKey struct {
	message protoreflect.MessageDescriptor
	rules   bool
}

func read(key sizesKey, reading map[sizesKey]*sizes) (*sizes, error) {
	if known, ok := reading[key]; ok {
		return known, nil
	}
	result := &sizes{}
	reading[key] = result
	for i := range key.message.Fields().Len() {
		field := key.message.Fields().Get(i)
		rules, err := protovalidate.ResolveFieldRules(field)
		if err != nil {
			return nil, err
		}
		if !key.rules {
			rules = nil
		}
		sized, err := readField(field, rules, key.rules && !ignored(rules), reading)
		if err != nil {
			return nil, err
		}
		result.fields = append(result.fields, sized)
	}
	return result, nil
}

func ignored(rules *validate.FieldRules) bool {
	return rules.GetIgnore() == validate.Ignore_IGNORE_ALWAYS
}

func readField(field protoreflect.FieldDescriptor, rules *validate.FieldRules, applies bool, reading map[sizesKey]*sizes) (*sizedField, error) {
	sized, value := &sizedField{field: field, plain: !field.HasPresence() && !field.IsList() && !field.IsMap()}, field
	values, prefix := rules, path(nil)
	switch {
	case field.IsMap():
		value, values = field.MapValue(), rules.GetMap().GetValues()
		if applies {
			sized.whole = wholeLimits(field, rules)
			if keys := rules.GetMap().GetKeys(); !ignored(keys) {
				sized.keys = valueLimits(field.MapKey(), keys, path{"map", "keys"})
			}
		}
		prefix = path{"map", "values"}
	case field.IsList():
		values = rules.GetRepeated().GetItems()
		if applies {
			sized.whole = wholeLimits(field, rules)
		}
		prefix = path{"repeated", "items"}
	}
	applies = applies && !ignored(values)
	message := value.Message()
	if message == nil {
		if applies {
			sized.values = valueLimits(value, values, prefix)
		}
		return sized, nil
	}
	switch message.FullName() {
	case "google.protobuf.Timestamp":
		sized.valid = timestamp
	case "google.protobuf.Duration":
		sized.valid = duration
	case "google.protobuf.StringValue", "google.protobuf.BytesValue":
		if applies {
			sized.wrapped = message.Fields().ByName("value")
			sized.values = valueLimits(sized.wrapped, values, prefix)
		}
	default:
		var err error
		sized.within, err = read(sizesKey{message, applies}, reading)
		return sized, err
	}
	return sized, nil
}

// A path names rules within each other, from buf.validate.FieldRules on.
type path []protoreflect.Name

func (p path) with(names ...protoreflect.Name) []*validate.FieldPathElement {
	elements := make([]*validate.FieldPathElement, 0, len(p)+len(names))
	message := (&validate.FieldRules{}).ProtoReflect().Descriptor()
	for _, name := range append(slices.Clip(p), names...) {
		field := message.Fields().ByName(name)
		elements = append(elements, element(field))
		message = field.Message()
	}
	return elements
}

// element returns what protovalidate says of a field in a path.
func element(field protoreflect.FieldDescriptor) *validate.FieldPathElement {
	name := string(field.Name())
	if field.IsExtension() {
		name = field.TextName()
	}
	return validate.FieldPathElement_builder{
		FieldNumber: new(int32(field.Number())),
		FieldName:   &name,
		FieldType:   descriptorpb.FieldDescriptorProto_Type(field.Kind()).Enum(),
	}.Build()
}

// wholeLimits returns the limits on the elements of a list or the entries of a map,
// with the words of protovalidate.
func wholeLimits(field protoreflect.FieldDescriptor, rules *validate.FieldRules) []limit {
	if field.IsMap() {
		if !rules.GetMap().HasMaxPairs() {
			return nil
		}
		most := rules.GetMap().GetMaxPairs()
		return []limit{{most, items, "map.max_pairs", fmt.Sprintf("map must be at most %d entries", most), path(nil).with("map", "max_pairs")}}
	}
	if !rules.GetRepeated().HasMaxItems() {
		return nil
	}
	most := rules.GetRepeated().GetMaxItems()
	return []limit{{most, items, "repeated.max_items", fmt.Sprintf("must contain no more than %d item(s)", most), path(nil).with("repeated", "max_items")}}
}

// valueLimits returns the limits on a text or on bytes, with the words of
// protovalidate.
func valueLimits(field protoreflect.FieldDescriptor, rules *validate.FieldRules, prefix path) []limit {
	var limits []limit
	add := func(kind, rule protoreflect.Name, has bool, most uint64, unit unit, format string) {
		if has {
			limits = append(limits, limit{most, unit, string(kind + "." + rule), fmt.Sprintf(format, most), prefix.with(kind, rule)})
		}
	}
	switch field.Kind() {
	case protoreflect.StringKind:
		text := rules.GetString()
		add("string", "len", text.HasLen(), text.GetLen(), runes, "must be %d characters")
		add("string", "max_len", text.HasMaxLen(), text.GetMaxLen(), runes, "must be at most %d characters")
		add("string", "len_bytes", text.HasLenBytes(), text.GetLenBytes(), octets, "must be %d bytes")
		add("string", "max_bytes", text.HasMaxBytes(), text.GetMaxBytes(), octets, "must be at most %d bytes")
	case protoreflect.BytesKind:
		bytes := rules.GetBytes()
		add("bytes", "len", bytes.HasLen(), bytes.GetLen(), blob, "must be %d bytes")
		add("bytes", "max_len", bytes.HasMaxLen(), bytes.GetMaxLen(), blob, "must be at most %d bytes")
	default:
	}
	return limits
}
