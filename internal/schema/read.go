package schema

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Read reads a schema. An error says what to do.
func Read(ctx context.Context, from Source) (*Schema, error) {
	if from.Path == "-" {
		return readSet("standard input", from.Stdin)
	}
	folder, err := isFolder(from.Path)
	if revision, in, ok := splitRevision(from.Path); err != nil && ok {
		return readRevision(ctx, revision, in, from.Imports)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: name a folder of .proto files, a descriptor set, or a folder of a git revision such as main:proto", err)
	case folder:
		return compile(ctx, from.Path, from.Imports)
	case filepath.Ext(from.Path) == ".proto":
		return nil, fmt.Errorf("%s is one .proto file: name the folder that its imports start from", from.Path)
	case len(from.Imports) > 0:
		return nil, errors.New("a descriptor set has its imports in it: leave out --import")
	}
	file, err := os.Open(from.Path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readSet(from.Path, file)
}

// maxSet is how many bytes of a descriptor set are read.
const maxSet = 1 << 30

func readAll(name string, from io.Reader) ([]byte, error) {
	wire, err := io.ReadAll(io.LimitReader(from, maxSet+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(wire) > maxSet {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, maxSet)
	}
	return wire, nil
}
