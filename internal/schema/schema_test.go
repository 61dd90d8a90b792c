package schema

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

func TestReadFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for path, text := range map[string]string{
		"own/b.proto":            `syntax = "proto3"; package b; import "a.proto"; import "shared.proto"; service B { rpc Get(a.A) returns (shared.S); }`,
		"own/a.proto":            `syntax = "proto3"; package a; import "sallyport/v1/action.proto"; import "google/protobuf/empty.proto"; message A {}`,
		"own/notes.txt":          `no schema`,
		"own/.hidden/c.proto":    `no schema`,
		"imports/shared.proto":   `syntax = "proto3"; package shared; message S {} service Shared { rpc Get(S) returns (S); }`,
		"imports/unneeded.proto": `no schema`,
	} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Read(t.Context(), Source{Path: filepath.Join(dir, "own"), Imports: []string{filepath.Join(dir, "imports")}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a.proto", "b.proto"}, paths(got)); diff != "" {
		t.Errorf("own files: -want +got\n%s", diff)
	}
	if diff := cmp.Diff([]string{"/b.B/Get"}, got.Procedures()); diff != "" {
		t.Errorf("procedures: -want +got\n%s", diff)
	}
	for _, path := range []string{"shared.proto", "sallyport/v1/action.proto", "buf/validate/validate.proto", "google/protobuf/descriptor.proto"} {
		if _, err := got.Files.FindFileByPath(path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func paths(read *Schema) []string {
	all := make([]string, len(read.Own))
	for i, file := range read.Own {
		all[i] = file.Path()
	}
	return all
}

// file describes a file with a service, which may import another one.
func file(name string, imports ...string) *descriptorpb.FileDescriptorProto {
	return &descriptorpb.FileDescriptorProto{
		Name: &name, Package: &name, Syntax: new("proto3"), Dependency: imports,
		MessageType: []*descriptorpb.DescriptorProto{{Name: new("M")}},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: new("S"), Method: []*descriptorpb.MethodDescriptorProto{
			{Name: new("Get"), InputType: new("." + name + ".M"), OutputType: new("." + name + ".M")},
		}}},
	}
}

func TestReadSet(t *testing.T) {
	t.Parallel()
	empty := protodesc.ToFileDescriptorProto((&descriptorpb.FileDescriptorSet{}).ProtoReflect().Descriptor().ParentFile())
	// What buf says of a file: buf.image.v1's extension 8042, whose field 1 is is_import.
	said := func(of *descriptorpb.FileDescriptorProto, extension ...byte) *descriptorpb.FileDescriptorProto {
		of.ProtoReflect().SetUnknown(append(protoreflect.RawFields{0xd2, 0xf6, 0x03, byte(len(extension))}, extension...))
		return of
	}
	tests := []struct {
		name  string
		files []*descriptorpb.FileDescriptorProto
		want  []string // nil where it is no good set
	}{
		{"one", []*descriptorpb.FileDescriptorProto{file("a")}, []string{"a"}},
		{"of protoc, which says nothing of imports", []*descriptorpb.FileDescriptorProto{file("b"), file("a", "b")}, []string{"a", "b"}},
		{"with protobuf's own", []*descriptorpb.FileDescriptorProto{empty, file("a", empty.GetName())}, []string{"a"}},
		{"of buf, an import", []*descriptorpb.FileDescriptorProto{said(file("b"), 8, 1), said(file("a", "b"), 8, 0)}, []string{"a"}},
		{"of buf, no import", []*descriptorpb.FileDescriptorProto{said(file("b"), 8, 0), said(file("a", "b"))}, []string{"a", "b"}},
		{"of buf, and another field before", []*descriptorpb.FileDescriptorProto{said(file("b"), 0x12, 1, 'x', 8, 1), file("a", "b")}, []string{"a"}},
		{"of buf, cut short", []*descriptorpb.FileDescriptorProto{said(file("b"), 8)}, []string{"b"}},
		{"without an import", []*descriptorpb.FileDescriptorProto{file("a", "b")}, nil},
		{"empty", nil, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			wire, err := proto.Marshal(&descriptorpb.FileDescriptorSet{File: test.files})
			if err != nil {
				t.Fatal(err)
			}
			got, err := Read(t.Context(), Source{Path: "-", Stdin: strings.NewReader(string(wire))})
			if (err == nil) != (test.want != nil) {
				t.Fatal(err)
			}
			if err != nil {
				if !strings.Contains(err.Error(), "buf build -o FILE.binpb") {
					t.Errorf("%v does not say what to do", err)
				}
				return
			}
			if diff := cmp.Diff(test.want, paths(got)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}
