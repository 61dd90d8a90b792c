package wire

import (
	"bytes"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"
)

// source has every kind of field that a decoder makes something of.
const source = `
syntax = "proto2";
package wire.test;
import "google/protobuf/any.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
message All {
  optional int32 number = 1;
  optional string text = 2;
  repeated int32 numbers = 3;
  repeated int64 packed = 4 [packed = true];
  repeated fixed32 words = 5 [packed = true];
  repeated double doubles = 6;
  repeated string texts = 7;
  repeated bytes blobs = 8;
  optional All one = 9;
  repeated All many = 10;
  map<string, int32> ages = 11;
  map<int32, All> people = 12;
  optional group Pair = 13 { optional All left = 1; repeated bool flags = 2; }
  repeated group Pairs = 14 { optional All right = 1; }
  optional google.protobuf.Any any = 15;
  optional google.protobuf.FieldMask mask = 16;
  optional google.protobuf.Struct struct = 17;
  optional google.protobuf.Value value = 18;
  optional google.protobuf.ListValue values = 19;
  optional google.protobuf.Timestamp time = 20;
  repeated google.protobuf.StringValue wrapped = 21;
  repeated Color colors = 22;
  oneof choice { string left = 23; All right = 24; }
  optional string far = 1000 [json_name = "elsewhere"];
  repeated All far_many = 1001;
}
enum Color { RED = 0; BLUE = 1; }
`

// all returns an empty message of the type All.
func all(tb testing.TB) *dynamicpb.Message {
	tb.Helper()
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
		Accessor: protocompile.SourceAccessorFromMap(map[string]string{"all.proto": source}),
	})}
	files, err := compiler.Compile(tb.Context(), "all.proto")
	if err != nil {
		tb.Fatal(err)
	}
	return dynamicpb.NewMessage(files[0].Messages().ByName("All"))
}

// items counts what a decoded message holds.
func items(message protoreflect.Message) int {
	count := 0
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsMap():
			value.Map().Range(func(_ protoreflect.MapKey, value protoreflect.Value) bool {
				count++
				if field.MapValue().Message() != nil {
					count += 1 + items(value.Message())
				}
				return true
			})
		case field.IsList():
			for i := range value.List().Len() {
				count++
				if field.Message() != nil {
					count += items(value.List().Get(i).Message())
				}
			}
		case field.Message() != nil:
			count += 1 + items(value.Message())
		}
		return true
	})
	return count
}

const unlimited = 1 << 30

func TestCountIsExact(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":             `{}`,
		"scalars":             `{"number": 1, "text": "a,b", "elsewhere": "x"}`,
		"numbers":             `{"numbers": [1, 2, 3], "colors": ["RED", "BLUE"]}`,
		"packed":              `{"packed": ["1", "300", "-1"], "words": [1, 2], "doubles": [1.5, "NaN"]}`,
		"texts":               `{"texts": ["", "a", "\",[{\\"], "blobs": ["AAAA", ""]}`,
		"messages":            `{"one": {"one": {"many": [{}, {}, {"one": {}}]}}}`,
		"a map":               `{"ages": {"a": 1, "b,{": 2}}`,
		"a map of messages":   `{"people": {"1": {}, "2": {"texts": ["x"]}}}`,
		"groups":              `{"pair": {"left": {"numbers": [1]}, "flags": [true, false]}, "pairs": [{"right": {}}, {}]}`,
		"a mask":              `{"mask": "a,b,c"}`,
		"a struct":            `{"struct": {"a": 1, "b": [1, "x", null, {}], "c": {"d": {}}}}`,
		"a value":             `{"value": {"a": [[], [[]]]}}`,
		"a null value":        `{"value": null}`,
		"values":              `{"values": [1, {"a": []}]}`,
		"a time":              `{"time": "2026-01-01T00:00:00Z", "wrapped": ["a", "b"]}`,
		"a oneof":             `{"right": {"left": "x"}}`,
		"a far field":         `{"farMany": [{}, {}]}`,
		"names of both kinds": `{"far_many": [{}]}`,
		"an escaped name":     `{"te\u0078ts": ["a", "b"]}`,
		"null":                `{"numbers": null, "one": null, "ages": null}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			message := all(t)
			if err := protojson.Unmarshal([]byte(text), message); err != nil {
				t.Fatal(err)
			}
			want := items(message)
			var counter Counter
			if got := counter.JSON(message.Descriptor(), []byte(text), unlimited).Items; got != want {
				t.Errorf("in JSON %d items, want %d", got, want)
			}
			data, err := proto.Marshal(message)
			if err != nil {
				t.Fatal(err)
			}
			if got := counter.Binary(message.Descriptor(), data, unlimited).Items; got != want {
				t.Errorf("in binary %d items, want %d", got, want)
			}
		})
	}
}

func TestCountIsNeverLow(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		want int // at least
	}{
		"an Any that holds lists":    {`{"any": {"@type": "type.googleapis.com/google.protobuf.ListValue", "value": [1, 2, 3]}}`, 4},
		"an Any that holds a mask":   {`{"any": {"value": "a,b,c", "@type": "type.googleapis.com/google.protobuf.FieldMask"}}`, 3},
		"a field that comes twice":   {`{"numbers": [1, 2], "numbers": [3]}`, 2},
		"data that breaks off":       {`{"many": [{}, {}, {`, 3},
		"a missing colon":            {`{"many": [{}], "text" "x", "many": [{}]}`, 1},
		"a missing comma":            {`{"many": [{} {}]}`, 1},
		"more after the end":         {`{"many": [{}]} {}`, 1},
		"a text where a list is":     {`{"many": "x", "numbers": [1]}`, 0},
		"an unknown field":           {`{"unknown": [[[1]]], "numbers": [1]}`, 1},
		"a text without an end":      {`{"numbers": [1], "text": "x`, 1},
		"a control character":        {"{\"numbers\": [1, \x00 2]}", 1},
		"a closing bracket too much": {`{"numbers": [1]]`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			message := all(t)
			var counter Counter
			if got := counter.JSON(message.Descriptor(), []byte(test.text), unlimited).Items; got < test.want {
				t.Errorf("%d items, want %d or more", got, test.want)
			}
			// An error is expected in most; what was made until then counts.
			_ = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal([]byte(test.text), message)
			if got, made := counter.JSON(message.Descriptor(), []byte(test.text), unlimited).Items, items(message); got < made {
				t.Errorf("%d items, but decoding made %d", got, made)
			}
		})
	}
}

func TestUnknownFieldsAreNotCounted(t *testing.T) {
	t.Parallel()
	var counter Counter
	empty := (&fieldmaskpb.FieldMask{}).ProtoReflect().Descriptor()
	if got := counter.JSON(empty, []byte(`"a"`), unlimited).Items; got != 1 {
		t.Errorf("a mask of one path: %d items", got)
	}
	message := all(t).Descriptor()
	if got := counter.JSON(message, []byte(`{"unknown": [1, {"a": [2, 3]}, "x,y"]}`), unlimited).Items; got != 0 {
		t.Errorf("in JSON %d items", got)
	}
	// Field 500, three times, with a length.
	if got := counter.Binary(message, bytes.Repeat([]byte{0xa2, 0x1f, 0x01, 'x'}, 3), unlimited).Items; got != 0 {
		t.Errorf("in binary %d items", got)
	}
}

// The limit ends a walk; what is just within it is counted to the end.
func TestLimit(t *testing.T) {
	t.Parallel()
	var counter Counter
	message := all(t).Descriptor()
	const limit = 1000
	for items, beyond := range map[int]bool{limit: false, limit + 1: true} {
		data := bytes.Repeat([]byte{0x52, 0x00}, items) // many: {}
		if got := counter.Binary(message, data, limit).Items; (got > limit) != beyond {
			t.Errorf("binary: %d of %d items", got, items)
		}
		text := `{"many":[` + strings.TrimSuffix(strings.Repeat("{},", items), ",") + `]}`
		if got := counter.JSON(message, []byte(text), limit).Items; (got > limit) != beyond {
			t.Errorf("JSON: %d of %d items", got, items)
		}
	}
}

// An extension is found as a decoder finds it.
func TestExtension(t *testing.T) {
	t.Parallel()
	var counter Counter
	options := (&descriptorpb.MessageOptions{}).ProtoReflect().Descriptor()
	// Field 1159 is buf.validate.message where that package is linked; here it is not
	// known, and so not counted.
	if got := counter.Binary(options, []byte{0xba, 0x48, 0x02, 0x1a, 0x00}, unlimited).Items; got != 0 {
		t.Errorf("%d items", got)
	}
}

// Deep nesting ends at what a decoder accepts, and no stack overflows.
func TestDepth(t *testing.T) {
	t.Parallel()
	var counter Counter
	message := all(t).Descriptor()
	const depth = 1 << 20
	counter.JSON(message, []byte(strings.Repeat(`{"one":`, depth)), unlimited)
	counter.JSON(message, []byte(`{"value":`+strings.Repeat(`[`, depth)), unlimited)
	counter.JSON(message, []byte(`{"unknown":`+strings.Repeat(`[`, depth)), unlimited)
	counter.Binary(message, bytes.Repeat([]byte{0x6b, 0x0b}, depth), unlimited) // groups
	nested := []byte{}
	for len(nested) < 1<<12 {
		nested = append([]byte{0x4a, byte(len(nested) & 0x7f)}, nested...)
	}
	counter.Binary(message, nested, unlimited)
}

func FuzzCount(f *testing.F) {
	message := all(f)
	generated := []proto.Message{&structpb.Struct{}, &structpb.Value{}, &descriptorpb.FileDescriptorProto{}, message}
	for _, text := range []string{
		`{"numbers": [1, 2], "many": [{"one": {}}], "ages": {"a": 1}}`,
		`{"any": {"@type": "type.googleapis.com/google.protobuf.Struct", "value": {"a": [1, 2]}}}`,
		`{"value": [[], {}, null], "mask": "a,b", "pair": {"flags": [true]}}`,
		`{"dependency": ["a"], "messageType": [{"field": [{}]}]}`,
		`{"te\u0078ts": ["\\\"", "\u0000"]`,
	} {
		f.Add([]byte(text))
		if decoded := message.New(); protojson.Unmarshal([]byte(text), decoded.Interface()) == nil {
			data, _ := proto.Marshal(decoded.Interface())
			f.Add(data)
		}
	}
	f.Add([]byte("\x6b\x13\x14\x6c\x62\x04\x08\x01\x12\x00"))
	var counter Counter
	binary := proto.UnmarshalOptions{RecursionLimit: 100}
	text := protojson.UnmarshalOptions{RecursionLimit: 100, DiscardUnknown: true}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, kind := range generated {
			descriptor := kind.ProtoReflect().Descriptor()
			decoded := kind.ProtoReflect().New()
			err := binary.Unmarshal(data, decoded.Interface())
			if got, made := counter.Binary(descriptor, data, unlimited), items(decoded); got.Items < made {
				t.Errorf("%s: %d items, but decoding made %d (%v)", descriptor.FullName(), got.Items, made, err)
			}
			decoded = kind.ProtoReflect().New()
			err = text.Unmarshal(data, decoded.Interface())
			got := counter.JSON(descriptor, data, unlimited)
			if made := items(decoded); got.Items < made {
				t.Errorf("%s in JSON: %d items, but decoding made %d (%v)", descriptor.FullName(), got.Items, made, err)
			}
			// No byte makes more than an object's bracket.
			if got.Items > perBracket*len(data)+2 {
				t.Errorf("%s in JSON: %d items in %d bytes", descriptor.FullName(), got.Items, len(data))
			}
		}
	})
}
