package validation

import (
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
)

// Types without a rule at any depth need no validation; one rule of any kind, anywhere,
// is enough to need it.
func TestNone(t *testing.T) {
	t.Parallel()
	of := func(message proto.Message) protoreflect.MessageDescriptor { return message.ProtoReflect().Descriptor() }
	for name, test := range map[string]struct {
		message protoreflect.MessageDescriptor
		want    bool
	}{
		"no field":                  {of(&emptypb.Empty{}), true},
		"no rule":                   {of(&testv1.PokeRequest{}), true},
		"no rule, within itself":    {of(&structpb.Struct{}), true},
		"rules":                     {of(&testv1.Request{}), false},
		"rules of what it holds":    {of(&sallyportv1.Action{}), false},
		"rules of the values":       {of(&sallyportv1.Declarations{}), false},
		"any":                       {of(&anypb.Any{}), false},
		"extensions":                {of(&descriptorpb.FieldOptions{}), false},
		"a oneof without a rule":    {choice(t, nil), true},
		"a oneof that is required":  {choice(t, validate.OneofRules_builder{Required: new(true)}.Build()), false},
		"a time, which has a range": {of(&sallyportv1.Stream{}), false},
	} {
		rules, err := New().Rules(test.message)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := rules.None(); got != test.want {
			t.Errorf("%s: None is %t", name, got)
		}
	}
	if (&Rules{}).None() {
		t.Error("the zero Rules need no validation")
	}
}

// choice is a type of message whose one rule, if any, is of its oneof.
func choice(t *testing.T, rules *validate.OneofRules) protoreflect.MessageDescriptor {
	t.Helper()
	options := &descriptorpb.OneofOptions{}
	if rules != nil {
		proto.SetExtension(options, validate.E_Oneof, rules)
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: new("choice.proto"), Package: new("choice"), Syntax: new("proto3"), Dependency: []string{"buf/validate/validate.proto"},
		MessageType: []*descriptorpb.DescriptorProto{{
			Name:      new("Choice"),
			OneofDecl: []*descriptorpb.OneofDescriptorProto{{Name: new("one"), Options: options}},
			Field: []*descriptorpb.FieldDescriptorProto{{
				Name: new("text"), Number: new(int32(1)), OneofIndex: new(int32(0)),
				Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(), Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(),
			}},
		}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	return file.Messages().Get(0)
}
