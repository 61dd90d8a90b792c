package server_test

import (
	"testing"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// describe returns a service of the package described.v1.
func describe(t *testing.T, name string, methods ...*descriptorpb.MethodDescriptorProto) protoreflect.ServiceDescriptor {
	t.Helper()
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name:    new("described.proto"),
		Package: new("described.v1"),
		Syntax:  new("proto3"),
		Dependency: []string{
			"google/protobuf/any.proto", "google/protobuf/struct.proto", "google/protobuf/wrappers.proto", "sallyport/v1/action.proto",
		},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: new(name), Method: methods}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	return file.Services().Get(0)
}

// method describes a method that every caller may call, with one type of message
// both ways.
func method(name, message string, shape connect.StreamType) *descriptorpb.MethodDescriptorProto {
	declaration := &sallyportv1.Action{
		Authenticate: &sallyportv1.Authenticate{Anonymous: new("it is a test")},
		Authorize:    &sallyportv1.Authorize{Anyone: new("it is a test")},
	}
	if shape != connect.StreamTypeUnary {
		declaration.Stream = &sallyportv1.Stream{Authorize: sallyportv1.Stream_FIRST_MESSAGE}
	}
	options := &descriptorpb.MethodOptions{}
	proto.SetExtension(options, sallyportv1.E_Action, declaration)
	return &descriptorpb.MethodDescriptorProto{
		Name:            new(name),
		InputType:       new("." + message),
		OutputType:      new("." + message),
		ClientStreaming: new(shape&connect.StreamTypeClient != 0),
		ServerStreaming: new(shape&connect.StreamTypeServer != 0),
		Options:         options,
	}
}
