package field

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	fieldsv1 "github.com/sallyport-rpc/sallyport/gen/test/fields/v1"
	writesv1 "github.com/sallyport-rpc/sallyport/gen/test/writes/v1"
)

// What is packed could write a guarded field where its type, or what it packs in turn, can
// have one, and where it cannot be looked into.
func TestPacks(t *testing.T) {
	t.Parallel()
	pack := func(message proto.Message) *anypb.Any {
		packed, err := anypb.New(message)
		if err != nil {
			t.Fatal(err)
		}
		return packed
	}
	within := func(packed *anypb.Any, times int) *anypb.Any {
		for range times {
			packed = pack(&fieldsv1.User{Manager: &fieldsv1.User{More: packed}})
		}
		return packed
	}
	plain, part := pack(&fieldsv1.PlainResponse{}), pack(&writesv1.Part{})
	rules := &Rules{}
	for name, test := range map[string]struct {
		packed *anypb.Any
		want   bool
	}{
		"a guarded type":               {part, true},
		"one that leads to it":         {pack(&writesv1.UpdateRequest{}), true},
		"none":                         {plain, false},
		"a guarded type, packed":       {within(part, 3), true},
		"none, packed":                 {within(plain, 3), false},
		"none, packed too deep":        {within(plain, maxPacked+1), true},
		"not sound":                    {&anypb.Any{TypeUrl: "x/test.fields.v1.User", Value: []byte{1}}, true},
		"a type that no handler knows": {&anypb.Any{TypeUrl: "x/acme.v1.Ghost", Value: []byte{1}}, false},
		"nothing":                      {&anypb.Any{}, false},
	} {
		for range 2 { // what is known of types is kept
			if got := rules.packs(reachesWrite, test.packed.GetTypeUrl(), test.packed.GetValue(), 0); got != test.want {
				t.Errorf("%s: %t, want %t", name, got, test.want)
			}
		}
	}
}
