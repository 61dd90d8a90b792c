package schema

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// readSet reads a descriptor set: the output of `buf build -o FILE` or of `protoc
// --include_imports --include_source_info -o FILE`.
func readSet(name string, from io.Reader) (*Schema, error) {
	wire, err := readAll(name, from)
	if err != nil {
		return nil, err
	}
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(wire, set); err != nil || len(set.GetFile()) == 0 {
		return nil, fmt.Errorf("%s is no descriptor set: make one with buf build -o FILE.binpb", name)
	}
	files, err := protodesc.NewFiles(set)
	if err != nil {
		return nil, fmt.Errorf("%s does not hold together: %w: make it with buf build -o FILE.binpb, or protoc --include_imports -o FILE", name, err)
	}
	schema := &Schema{Files: files}
	for _, file := range set.GetFile() {
		if isOurs(file.GetName()) || isImport(file) {
			continue
		}
		described, err := files.FindFileByPath(file.GetName())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		schema.Own = append(schema.Own, described)
	}
	slices.SortFunc(schema.Own, func(a, b protoreflect.FileDescriptor) int { return strings.Compare(a.Path(), b.Path()) })
	return schema, nil
}

// What buf says of a file in a set beyond what protoc does, by buf/image/v1/image.proto.
const (
	imageExtension = protowire.Number(8042)
	imageIsImport  = protowire.Number(1)
)

// isImport reports whether buf put a file into a set only because others import it.
// protoc does not say so of any.
func isImport(file *descriptorpb.FileDescriptorProto) bool {
	extension := field(file.ProtoReflect().GetUnknown(), imageExtension)
	value, n := protowire.ConsumeVarint(field(extension, imageIsImport))
	return n > 0 && value != 0
}

// field returns the value of a field in a message's wire form, without the length of
// one that has a length; nil where it is not there.
func field(wire []byte, number protowire.Number) []byte {
	for len(wire) > 0 {
		found, kind, n := protowire.ConsumeTag(wire)
		if n < 0 {
			return nil
		}
		size := protowire.ConsumeFieldValue(found, kind, wire[n:])
		if size < 0 {
			return nil
		}
		value := wire[n : n+size]
		if found == number {
			if kind == protowire.BytesType {
				value, _ = protowire.ConsumeBytes(value)
			}
			return value
		}
		wire = wire[n+size:]
	}
	return nil
}
