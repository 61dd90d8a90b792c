package action_test

import (
	"fmt"
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
)

// An rpc is a method of a service that a test describes in Go. It takes and returns
// the messages of the test services unless it says otherwise.
type rpc struct {
	name           string
	action         *sallyportv1.Action
	input          string
	clients, sends bool // it streams requests, responses
}

// describe returns the descriptor of a service, in a file of its own that may name
// the roles of test.v1.
func describe(tb testing.TB, service string, rpcs ...rpc) protoreflect.ServiceDescriptor {
	tb.Helper()
	return describeFile(tb, service, &descriptorpb.ServiceDescriptorProto{Name: &service, Method: methods(rpcs)}).Services().Get(0)
}

func methods(rpcs []rpc) []*descriptorpb.MethodDescriptorProto {
	described := make([]*descriptorpb.MethodDescriptorProto, len(rpcs))
	for i, rpc := range rpcs {
		options := &descriptorpb.MethodOptions{}
		if rpc.action != nil {
			proto.SetExtension(options, sallyportv1.E_Action, rpc.action)
		}
		if rpc.input == "" {
			rpc.input = ".test.v1.Request"
		}
		described[i] = &descriptorpb.MethodDescriptorProto{
			Name: &rpc.name, InputType: &rpc.input, OutputType: new(".test.v1.Response"),
			ClientStreaming: &rpc.clients, ServerStreaming: &rpc.sends, Options: options,
		}
	}
	return described
}

// describeBeside describes a service whose messages are of another file.
func describeBeside(tb testing.TB, beside protoreflect.FileDescriptor, rpcs ...rpc) protoreflect.ServiceDescriptor {
	tb.Helper()
	files := new(protoregistry.Files)
	for _, file := range []protoreflect.FileDescriptor{beside, validate.File_buf_validate_validate_proto, testv1.File_test_v1_test_proto, sallyportv1.File_sallyport_v1_action_proto} {
		if err := files.RegisterFile(file); err != nil {
			tb.Fatal(err)
		}
	}
	return describeIn(tb, files, beside.Path(), "Beside", &descriptorpb.ServiceDescriptorProto{Name: new("BesideService"), Method: methods(rpcs)}).Services().Get(0)
}

// The numbers of handles: that of the test services' package, and that of others' files.
const (
	testHandle  = 50010
	otherHandle = 50020
)

// using are the options of a file that uses the packages of handles.
func using(handles ...protowire.Number) *descriptorpb.FileOptions {
	options := &descriptorpb.FileOptions{}
	var wire []byte
	for _, handle := range handles {
		wire = protowire.AppendBytes(protowire.AppendTag(wire, handle, protowire.BytesType), nil)
	}
	options.ProtoReflect().SetUnknown(wire)
	return options
}

// handle is the extension by which others use a file's package.
func handle() []*descriptorpb.FieldDescriptorProto {
	return []*descriptorpb.FieldDescriptorProto{{
		Name: new("other"), Number: new(int32(otherHandle)), Extendee: new(".google.protobuf.FileOptions"), TypeName: new(".sallyport.v1.Use"),
		Type: descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
	}}
}

// describeLinked describes a service of the package of the test services, which has the
// name that is said, and whose messages are those of the test services.
func describeLinked(tb testing.TB, name string, rpcs ...rpc) protoreflect.ServiceDescriptor {
	tb.Helper()
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: new("linked.proto"), Package: new("test.v1"), Syntax: new("proto3"), Options: using(testHandle),
		Dependency: []string{"test/v1/test.proto", "sallyport/v1/action.proto"},
		Service:    []*descriptorpb.ServiceDescriptorProto{{Name: &name, Method: methods(rpcs)}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		tb.Fatal(err)
	}
	return file.Services().Get(0)
}

// describeCopied describes a service whose messages have the names of those of the test
// services, and descriptors of their own.
func describeCopied(tb testing.TB, name string, rpcs ...rpc) protoreflect.ServiceDescriptor {
	tb.Helper()
	copied, err := protodesc.NewFile(protodesc.ToFileDescriptorProto(testv1.File_test_v1_test_proto), protoregistry.GlobalFiles)
	if err != nil {
		tb.Fatal(err)
	}
	files := new(protoregistry.Files)
	for _, file := range []protoreflect.FileDescriptor{copied, validate.File_buf_validate_validate_proto, sallyportv1.File_sallyport_v1_action_proto} {
		if err := files.RegisterFile(file); err != nil {
			tb.Fatal(err)
		}
	}
	return describeIn(tb, files, validate.File_buf_validate_validate_proto.Path(), name, &descriptorpb.ServiceDescriptorProto{Name: &name, Method: methods(rpcs)}).Services().Get(0)
}

// describeScoped describes a service whose package has a catalogue of so many scopes.
func describeScoped(tb testing.TB, name string, count int, scope func(int) string, rpcs ...rpc) protoreflect.ServiceDescriptor {
	tb.Helper()
	marked := &descriptorpb.EnumOptions{}
	proto.SetExtension(marked, sallyportv1.E_ScopeCatalogue, true)
	enum := &descriptorpb.EnumDescriptorProto{
		Name: new("Scope"), Options: marked,
		Value: []*descriptorpb.EnumValueDescriptorProto{{Name: new("SCOPE_UNSPECIFIED"), Number: new(int32(0))}},
	}
	for i := range count {
		options := &descriptorpb.EnumValueOptions{}
		proto.SetExtension(options, sallyportv1.E_Scope, &sallyportv1.Scope{Name: scope(i)})
		enum.Value = append(enum.Value, &descriptorpb.EnumValueDescriptorProto{
			Name: new(fmt.Sprintf("SCOPE_%d", i)), Number: new(int32(i + 1)), Options: options,
		})
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: new("scoped.proto"), Package: new("scoped.v1"), Syntax: new("proto3"), Options: using(testHandle),
		Dependency: []string{"test/v1/test.proto", "sallyport/v1/action.proto"},
		EnumType:   []*descriptorpb.EnumDescriptorProto{enum},
		Service:    []*descriptorpb.ServiceDescriptorProto{{Name: &name, Method: methods(rpcs)}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		tb.Fatal(err)
	}
	return file.Services().Get(0)
}

func describeFile(tb testing.TB, name string, services ...*descriptorpb.ServiceDescriptorProto) protoreflect.FileDescriptor {
	tb.Helper()
	return describeIn(tb, protoregistry.GlobalFiles, "buf/validate/validate.proto", name, services...)
}

func describeIn(tb testing.TB, files protodesc.Resolver, beside, name string, services ...*descriptorpb.ServiceDescriptorProto) protoreflect.FileDescriptor {
	tb.Helper()
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name:       new(name + ".proto"),
		Package:    new("described.v1"),
		Syntax:     new("proto3"),
		Options:    using(testHandle, otherHandle),
		Dependency: []string{"test/v1/test.proto", "sallyport/v1/action.proto", beside},
		Service:    services,
	}, files)
	if err != nil {
		tb.Fatal(err)
	}
	return file
}

// The declarations that tests describe actions with.
func bySession(authorize *sallyportv1.Authorize) *sallyportv1.Action {
	return &sallyportv1.Action{Authenticate: &sallyportv1.Authenticate{Schemes: []string{"session"}}, Authorize: authorize}
}

func toAnyone() *sallyportv1.Authorize {
	return &sallyportv1.Authorize{Anyone: new("a test")}
}

func anonymous() *sallyportv1.Action {
	return &sallyportv1.Action{Authenticate: &sallyportv1.Authenticate{Anonymous: new("a test")}, Authorize: toAnyone()}
}

func allow(grants ...*sallyportv1.Grant) *sallyportv1.Authorize {
	return &sallyportv1.Authorize{Allow: grants}
}

// misruled is a request type with a validation rule that does not compile, and
// nesting is one that holds such a message. Generated code of theirs would have to be
// committed, and the linters of schemas would rightly refuse it.
type (
	misruled struct{ described }
	nesting  struct{ described }
)

// described is a message of a described type, made when it is first looked at.
type described struct{ message *dynamicpb.Message }

func (m *misruled) ProtoReflect() protoreflect.Message { return m.reflect("Misruled") }
func (m *nesting) ProtoReflect() protoreflect.Message  { return m.reflect("Nesting") }

func (d *described) reflect(name protoreflect.Name) protoreflect.Message {
	if d == nil || d.message == nil {
		message := dynamicpb.NewMessage(misruledFile.Messages().ByName(name))
		if d == nil {
			return message
		}
		d.message = message
	}
	return d.message
}

var misruledFile = must(protodesc.NewFile(&descriptorpb.FileDescriptorProto{
	Name:       new("misruled.proto"),
	Package:    new("described.v1"),
	Syntax:     new("proto3"),
	Dependency: []string{"buf/validate/validate.proto"},
	MessageType: []*descriptorpb.DescriptorProto{
		{
			Name: new("Misruled"),
			Field: []*descriptorpb.FieldDescriptorProto{{
				Name: new("id"), Number: new(int32(1)),
				Type:    descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(),
				Label:   descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
				Options: misrule(),
			}},
		},
		{
			Name: new("Nesting"),
			Field: []*descriptorpb.FieldDescriptorProto{{
				Name: new("within"), Number: new(int32(1)),
				Type:     descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(),
				TypeName: new(".described.v1.Misruled"),
				Label:    descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum(),
			}},
		},
	},
}, protoregistry.GlobalFiles))

// misrule is a rule that compares a string with a number.
func misrule() *descriptorpb.FieldOptions {
	options := &descriptorpb.FieldOptions{}
	proto.SetExtension(options, validate.E_Field, validate.FieldRules_builder{
		Cel: []*validate.Rule{validate.Rule_builder{Id: new("broken"), Expression: new("this > 1")}.Build()},
	}.Build())
	return options
}
