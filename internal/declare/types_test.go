package declare

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"
)

// The messages of a field are those of a list, of a map, or the one, until enough were seen.
func TestMessagesIn(t *testing.T) {
	t.Parallel()
	one := structpb.NewStringValue("x")
	for name, test := range map[string]struct {
		of    proto.Message
		field protoreflect.Name
		want  int
	}{
		"a list":   {&structpb.ListValue{Values: []*structpb.Value{one, one, one}}, "values", 3},
		"no value": {&structpb.ListValue{}, "values", 0},
		"a map":    {&structpb.Struct{Fields: map[string]*structpb.Value{"a": one, "b": one}}, "fields", 2},
		"one":      {structpb.NewStructValue(&structpb.Struct{}), "struct_value", 1},
		"a text":   {one, "string_value", 0},
		"no entry": {&structpb.Struct{}, "fields", 0},
	} {
		message := test.of.ProtoReflect()
		field := message.Descriptor().Fields().ByName(test.field)
		all := 0
		for within := range MessagesIn(field, message.Get(field)) {
			if all++; !within.IsValid() {
				t.Errorf("%s: one is not there", name)
			}
		}
		if all != test.want {
			t.Errorf("%s: there are %d, want %d", name, all, test.want)
		}
		seen := 0
		for range MessagesIn(field, message.Get(field)) {
			seen++
			break
		}
		if seen != min(test.want, 1) {
			t.Errorf("%s: %d were seen", name, seen)
		}
	}
}
