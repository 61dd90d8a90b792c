// schema writes the schema of gRPC's interop tests as a FileDescriptorSet to
// standard output. Their .proto files are in no Go module, but the code generated
// from them is, and carries what they say.
package main

import (
	"fmt"
	"os"

	orca "github.com/cncf/xds/go/xds/service/orca/v3"
	testing "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

func main() {
	var files schema
	files.add(testing.File_grpc_testing_test_proto)
	files.add(orca.File_xds_service_orca_v3_orca_proto)
	text, err := proto.Marshal(&files.set)
	if err == nil {
		_, err = os.Stdout.Write(text)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A schema is files, each after those that it imports.
type schema struct {
	set descriptorpb.FileDescriptorSet
}

func (s *schema) add(file protoreflect.FileDescriptor) {
	for _, known := range s.set.GetFile() {
		if known.GetName() == file.Path() {
			return
		}
	}
	for i := range file.Imports().Len() {
		s.add(file.Imports().Get(i).FileDescriptor)
	}
	s.set.File = append(s.set.File, protodesc.ToFileDescriptorProto(file))
}
