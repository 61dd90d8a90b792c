package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"

	"github.com/sallyport-rpc/sallyport/proto"
)

// A schemaFile is a .proto file that users import.
type schemaFile struct {
	// path is by what .proto files import it.
	path string
	// read returns its text.
	read func(context.Context) ([]byte, error)
}

// protovalidate holds the rules that (buf.validate) options are written in. They
// are not ours, so they are not kept here. The version is the one that the Go
// runtime in go.mod, buf.build/go/protovalidate, was made for: change both
// together.
var protovalidate = goModule{
	path:    "github.com/bufbuild/protovalidate",
	version: "v1.2.2",
	sum:     "h1:2H/9/Kr97etSRqW3IJjTTb09z+zutkK2GDhDRbOnqr4=",
}

// schemas returns all schemas.
func schemas() []schemaFile {
	own, err := fs.Glob(proto.Files, "sallyport/v1/*.proto")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	var all []schemaFile
	for _, path := range own {
		all = append(all, schemaFile{path, func(context.Context) ([]byte, error) { return proto.Files.ReadFile(path) }})
	}
	return append(all, protovalidate.schema("buf/validate/validate.proto", "proto/protovalidate"))
}

// schema returns the .proto file that lies below a folder of the module.
func (m goModule) schema(path, folder string) schemaFile {
	return schemaFile{path, func(ctx context.Context) ([]byte, error) {
		dir, err := m.download(ctx)
		if err != nil {
			return nil, err
		}
		text, err := fs.ReadFile(os.DirFS(dir), folder+"/"+path)
		if err != nil {
			return nil, fmt.Errorf("the module cache lacks it, \"go clean -modcache\" empties the cache: %w", err)
		}
		return text, nil
	}}
}
