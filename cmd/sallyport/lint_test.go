package main

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

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

const (
	header = `syntax = "proto3";
package acme.notes.v1;
import "buf/validate/validate.proto";
import "google/protobuf/empty.proto";
import "sallyport/v1/action.proto";
message Note { string id = 1 [(buf.validate.field).string.min_len = 1]; }
`
	declared = header + `service NoteService {
  rpc Read(Note) returns (google.protobuf.Empty) {
    option (sallyport.v1.action) = {
      authenticate: {schemes: "token"}
      authorize: {allow: {cel: "principal.id == request.id"}}
    };
  }
}
`
	undeclared = header + `service NoteService {
  rpc Read(Note) returns (google.protobuf.Empty);
}
`
	vendor = `syntax = "proto3";
package vendor.mail.v1;
message Mail {}
service MailService { rpc Send(Mail) returns (Mail); }
`
	vendorDeclared = `actions {key: "/vendor.mail.v1.MailService/Send" value {authenticate {schemes: "token"} authorize {anyone: "x"}}}`
)

// folderOf writes files into a folder.
func folderOf(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for path, text := range files {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLintFolder(t *testing.T) {
	t.Parallel()
	refused := `acme/notes/v1/notes.proto:8:3: /acme.notes.v1.NoteService/Read: nothing says who may call it [action-missing]` + "\n"
	tests := []struct {
		name      string
		files     map[string]string
		arguments []string // DIR stands for the folder
		code      int
		out, errs string // what they begin with; "" is nothing at all
	}{
		{
			"declared", map[string]string{"acme/notes/v1/notes.proto": declared}, []string{"DIR"},
			exitDone, "", "nothing refused among 1 RPC\n",
		},
		{
			"undeclared", map[string]string{"acme/notes/v1/notes.proto": undeclared}, []string{"DIR"},
			exitFailed, refused + "  fix:\n    option (sallyport.v1.action) = {\n", "1 fault refused among 1 RPC\n",
		},
		{
			"undeclared, in JSON", map[string]string{"acme/notes/v1/notes.proto": undeclared}, []string{"-o", "json", "DIR"},
			exitFailed, `{"rule":"action-missing","subject":"/acme.notes.v1.NoteService/Read","file":"acme/notes/v1/notes.proto","line":8,"column":3,"problem":"nothing says`, "1 fault",
		},
		{
			"imports elsewhere", map[string]string{
				"proto/notes.proto":    strings.Replace(declared, `import "buf`, `import "shared/a.proto"; import "buf`, 1),
				"other/shared/a.proto": `syntax = "proto3"; package shared; message A {} service S { rpc Get(A) returns (A); }`,
			}, []string{"DIR/proto", "-I", "DIR/other"},
			exitDone, "", "nothing refused among 1 RPC\n",
		},
		{
			"imports nowhere", map[string]string{"notes.proto": strings.Replace(declared, `import "buf`, `import "shared/a.proto"; import "buf`, 1)},
			[]string{"DIR"},
			exitFailed, "", "sallyport lint: notes.proto:3:8: open DIR/shared/a.proto: no such file or directory\nimports start from DIR: name another folder",
		},
		{
			"two files that do not parse", map[string]string{"a.proto": "message", "b.proto": "message"}, []string{"DIR"},
			exitFailed, "", "sallyport lint: a.proto:1:8: syntax error: unexpected $end\nb.proto:1:8: syntax error: unexpected $end\n",
		},
		{
			"no file", nil, []string{"DIR"},
			exitFailed, "", "sallyport lint: there is no .proto file in ",
		},
		{
			"one file", map[string]string{"notes.proto": declared}, []string{"DIR/notes.proto"},
			exitFailed, "", "sallyport lint: DIR/notes.proto is one .proto file: name the folder",
		},
		{
			"a vendor's", map[string]string{"proto/mail.proto": vendor, "mail.txtpb": vendorDeclared}, []string{"DIR/proto"},
			exitFailed, "mail.proto:4:23: /vendor.mail.v1.MailService/Send: nothing says who may call it [action-missing]\n", "1 fault",
		},
		{
			"a vendor's, declared outside", map[string]string{"proto/mail.proto": vendor, "mail.txtpb": vendorDeclared},
			[]string{"DIR/proto", "--declarations", "DIR/mail.txtpb"},
			exitDone, "", "nothing refused among 1 RPC\n",
		},
		{
			"declared outside for no RPC", map[string]string{"proto/notes.proto": declared, "mail.txtpb": vendorDeclared},
			[]string{"DIR/proto", "--declarations", "DIR/mail.txtpb"},
			exitFailed, "DIR/mail.txtpb: /vendor.mail.v1.MailService/Send: it is declared, but there is no such procedure [action-unknown]\n", "1 fault",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := folderOf(t, test.files)
			arguments := []string{"lint"}
			for _, argument := range test.arguments {
				arguments = append(arguments, strings.Replace(argument, "DIR", dir, 1))
			}
			got := sallyport(t, arguments...)
			got.out, got.errs = strings.ReplaceAll(got.out, dir, "DIR"), strings.ReplaceAll(got.errs, dir, "DIR")
			if got.code != test.code || !strings.HasPrefix(got.out, test.out) || !strings.HasPrefix(got.errs, test.errs) ||
				(test.out == "") != (got.out == "") {
				t.Errorf("got %d\n%s%swant %d\n%s%s", got.code, got.out, got.errs, test.code, test.out, test.errs)
			}
		})
	}
}

// setOf is a descriptor set of a file and all that it imports, as protoc makes it, and
// as buf does, which says what only is imported.
func setOf(t *testing.T, file protoreflect.FileDescriptor, image bool, mutate func(*descriptorpb.FileDescriptorProto)) string {
	t.Helper()
	set := &descriptorpb.FileDescriptorSet{}
	var add func(protoreflect.FileDescriptor)
	add = func(imported protoreflect.FileDescriptor) {
		for _, known := range set.GetFile() {
			if known.GetName() == imported.Path() {
				return
			}
		}
		for i := range imported.Imports().Len() {
			add(imported.Imports().Get(i).FileDescriptor)
		}
		written := protodesc.ToFileDescriptorProto(imported)
		if mutate != nil {
			mutate(written)
		}
		if image {
			isImport := byte(0)
			if imported.Path() != file.Path() {
				isImport = 1
			}
			written.ProtoReflect().SetUnknown([]byte{0xd2, 0xf6, 0x03, 2, 0x08, isImport}) // 8042: {1: isImport}
		}
		set.File = append(set.File, written)
	}
	add(file)
	wire, err := proto.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return string(wire)
}

func TestLintSet(t *testing.T) {
	t.Parallel()
	file := demov1.File_demo_v1_account_proto
	bare := func(file *descriptorpb.FileDescriptorProto) {
		if file.GetName() == demov1.File_demo_v1_account_proto.Path() {
			file.GetService()[0].GetMethod()[0].Options = nil
		}
	}
	tests := []struct {
		name, set string
		code      int
		out       string
	}{
		{"by protoc", setOf(t, file, false, nil), exitDone, ""},
		{"by buf", setOf(t, file, true, nil), exitDone, ""},
		{"undeclared", setOf(t, file, false, bare), exitFailed, "demo/v1/account.proto: /demo.v1."},
		{"nothing", "", exitFailed, ""},
		{"no set", "no set", exitFailed, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := sallyportWith(t, test.set, "lint", "-")
			if got.code != test.code || !strings.HasPrefix(got.out, test.out) || (test.out == "") != (got.out == "") {
				t.Errorf("by standard input: %d\n%s%s", got.code, got.out, got.errs)
			}
			path := filepath.Join(t.TempDir(), "set.binpb")
			if err := os.WriteFile(path, []byte(test.set), 0o600); err != nil {
				t.Fatal(err)
			}
			named := sallyport(t, "lint", path)
			named.errs = strings.ReplaceAll(named.errs, path, "standard input")
			if diff := cmp.Diff(got, named, cmp.AllowUnexported(printed{})); diff != "" {
				t.Errorf("by name: -want +got\n%s", diff)
			}
		})
	}
}
