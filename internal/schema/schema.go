// Package schema reads protobuf schemas from where people keep them, for commands that
// look at declarations: folders of .proto files, also of git revisions, and descriptor
// sets.
package schema

import (
	"fmt"
	"io"
	"os"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// A Schema is files that were read, with all that they import.
type Schema struct {
	// Files are all files.
	Files *protoregistry.Files
	// Own are those that were asked for, in the order of their paths. The others are
	// their imports.
	Own []protoreflect.FileDescriptor
}

// A Source says where a schema is.
type Source struct {
	// Path is a folder that imports start from, one of a git revision ("main:proto"), the
	// path of a descriptor set, or "-" for a descriptor set on Stdin.
	Path string
	// Imports are further folders that imports start from. They are only for folders.
	Imports []string
	// Stdin is read for the path "-".
	Stdin io.Reader
}

// Procedures returns the procedures of the schema's own files, in their order.
func (s *Schema) Procedures() []string {
	var procedures []string
	for _, file := range s.Own {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				procedures = append(procedures, fmt.Sprintf("/%s/%s", service.FullName(), service.Methods().Get(j).Name()))
			}
		}
	}
	return procedures
}

// isOurs reports whether a file is one of those that declarations are written with. They
// come with this program, and no one serves them.
func isOurs(path string) bool {
	return strings.HasPrefix(path, "google/protobuf/") || strings.HasPrefix(path, "buf/validate/") || strings.HasPrefix(path, "sallyport/v1/")
}

// isFolder reports whether a path is that of a folder.
func isFolder(path string) (bool, error) {
	info, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	return info.IsDir(), nil
}
