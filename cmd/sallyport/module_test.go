package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"
)

func TestModuleIsVerified(t *testing.T) {
	t.Parallel()
	changed := protovalidate
	changed.sum = "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	_, err := changed.download(t.Context())
	if err == nil || !strings.Contains(err.Error(), "has the checksum "+protovalidate.sum+", not h1:AAA") {
		t.Errorf("another checksum: %v", err)
	}
}

func TestModuleThatCannotBeHad(t *testing.T) {
	t.Setenv("GOPROXY", "off")
	absent := protovalidate
	absent.version = "v0.0.1"
	_, err := absent.download(t.Context())
	want := `github.com/bufbuild/protovalidate@v0.0.1: module lookup disabled by GOPROXY=off; ` +
		`"go mod download github.com/bufbuild/protovalidate@v0.0.1" must work, see "go env GOPROXY"`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// The module one stands in can be broken, or vendored: that is its own matter.
func TestModuleIgnoresWhereItRuns(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"go.mod", "go.work"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("no module\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	t.Setenv("GOFLAGS", "-mod=vendor")
	if _, err := protovalidate.download(t.Context()); err != nil {
		t.Error(err)
	}
}

// numbered finds the fields and values of a .proto file.
var numbered = regexp.MustCompile(`(?m)^\s*(?:(?:optional |repeated )?[\w.<>, ]+ )?(\w+) = (\d+)( \[|;)`)

// The text that users get describes the very rules that the Go runtime knows.
func TestProtovalidateIsTheOneOfTheRuntime(t *testing.T) {
	t.Parallel()
	all := schemas()
	text, err := all[slices.IndexFunc(all, func(s schemaFile) bool { return s.path == validateProto })].read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	matches := numbered.FindAllSubmatch(text, -1)
	written := make([]string, 0, len(matches))
	for _, match := range matches {
		written = append(written, fmt.Sprintf("%s = %s", match[1], match[2]))
	}
	linked := names(validate.File_buf_validate_validate_proto)
	slices.Sort(written)
	slices.Sort(linked)
	if diff := cmp.Diff(linked, written); diff != "" {
		t.Errorf("%s is not the schema of buf.build/go/protovalidate in go.mod (-linked +written):\n%s", protovalidate, diff)
	}
}

// A scope is what can hold messages, enums and extensions.
type scope interface {
	Messages() protoreflect.MessageDescriptors
	Enums() protoreflect.EnumDescriptors
	Extensions() protoreflect.ExtensionDescriptors
}

// names lists the fields and values in a scope and below it, with their numbers.
func names(in scope) []string {
	var found []string
	for i := range in.Extensions().Len() {
		field := in.Extensions().Get(i)
		found = append(found, fmt.Sprintf("%s = %d", field.Name(), field.Number()))
	}
	for i := range in.Enums().Len() {
		values := in.Enums().Get(i).Values()
		for j := range values.Len() {
			found = append(found, fmt.Sprintf("%s = %d", values.Get(j).Name(), values.Get(j).Number()))
		}
	}
	for i := range in.Messages().Len() {
		message := in.Messages().Get(i)
		for j := range message.Fields().Len() {
			field := message.Fields().Get(j)
			found = append(found, fmt.Sprintf("%s = %d", field.Name(), field.Number()))
		}
		found = append(found, names(message)...)
	}
	return found
}
