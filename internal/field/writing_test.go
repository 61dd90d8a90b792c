package field

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	fieldsv1 "github.com/sallyport-rpc/sallyport/gen/test/fields/v1"
	writesv1 "github.com/sallyport-rpc/sallyport/gen/test/writes/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// Requests are looked at where they can write a guarded field, by a name or by what they
// pack, and where their action says how they are written.
func TestWriting(t *testing.T) {
	t.Parallel()
	guarding := &Rules{writes: map[protoreflect.FullName]*policy.Rule{"acme.v1.Note.owner": nil}}
	for name, test := range map[string]struct {
		rules    *Rules
		request  proto.Message
		declared *declare.Writing
		want     bool
	}{
		"a guarded field":                        {&Rules{}, &writesv1.Part{}, nil, true},
		"none":                                   {&Rules{}, &fieldsv1.PlainResponse{}, nil, false},
		"none, and others are guarded":           {guarding, &fieldsv1.PlainResponse{}, nil, false},
		"what packs others":                      {guarding, &fieldsv1.User{}, nil, true},
		"what packs others, and none is guarded": {&Rules{}, &fieldsv1.User{}, nil, false},
		"what its action declares":               {&Rules{}, &fieldsv1.PlainResponse{}, &declare.Writing{}, true},
	} {
		writing := test.rules.Writing(test.request.ProtoReflect().Descriptor(), test.declared, nil)
		if made := writing != nil; made != test.want {
			t.Errorf("%s: it is looked at: %t, want %t", name, made, test.want)
		}
		if writing == nil || test.request.ProtoReflect().Descriptor().FullName() == "test.writes.v1.Part" {
			continue
		}
		if err := writing.Write(t.Context(), Writer{}, test.request); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a type reaches is found once: callers choose which types their messages pack.
func TestPackedTypesAreKept(t *testing.T) { //nolint:paralleltest // it counts allocations
	user := &fieldsv1.User{More: &anypb.Any{TypeUrl: "x/acme.v1.Ghost"}}
	rules := &Rules{writes: map[protoreflect.FullName]*policy.Rule{"acme.v1.Note.owner": nil}}
	writing := rules.Writing(user.ProtoReflect().Descriptor(), nil, nil)
	count := func(address string) float64 {
		user.More.TypeUrl = address
		return testing.AllocsPerRun(100, func() {
			if err := writing.Write(t.Context(), Writer{}, user); err != nil {
				t.Error(err)
			}
		})
	}
	if unknown, known := count("x/acme.v1.Ghost"), count("x/test.fields.v1.PlainResponse"); known > unknown {
		t.Errorf("a type that is known allocates %v times, one that is not %v times", known, unknown)
	}
}

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
		"not sound, of a plain type":   {&anypb.Any{TypeUrl: "x/test.fields.v1.PlainResponse", Value: []byte{1}}, false},
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
