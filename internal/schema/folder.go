package schema

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/reporter"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	_ "github.com/sallyport-rpc/sallyport/gen/sallyport/v1" // what declarations import is linked
)

// compile compiles the .proto files in a folder. What they import of Sallyport, of
// protovalidate and of protobuf itself need not be there.
func compile(ctx context.Context, folder string, imports []string) (*Schema, error) {
	paths, err := protoFiles(folder)
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("there is no .proto file in %s", folder)
	}
	linked := protocompile.ResolverFunc(func(path string) (protocompile.SearchResult, error) {
		if !isOurs(path) {
			return protocompile.SearchResult{}, protoregistry.NotFound
		}
		file, err := protoregistry.GlobalFiles.FindFileByPath(path)
		return protocompile.SearchResult{Desc: file}, err
	})
	var missing atomic.Bool // files are found in parallel
	sources := protocompile.CompositeResolver{&protocompile.SourceResolver{ImportPaths: append([]string{folder}, imports...)}, linked}
	find := protocompile.ResolverFunc(func(path string) (protocompile.SearchResult, error) {
		found, err := sources.FindFileByPath(path)
		if err != nil && !isOurs(path) {
			missing.Store(true)
		}
		return found, err
	})
	var faults []error
	compiler := protocompile.Compiler{
		Resolver:       protocompile.WithStandardImports(find),
		SourceInfoMode: protocompile.SourceInfoStandard,
		Reporter: reporter.NewReporter(func(fault reporter.ErrorWithPos) error {
			faults = append(faults, fault)
			return nil // go on: all faults are reported at once
		}, nil),
	}
	compiled, err := compiler.Compile(ctx, paths...)
	if len(faults) > 0 {
		slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
		err = errors.Join(faults...)
	}
	if err != nil && missing.Load() {
		return nil, fmt.Errorf("%w\nimports start from %s: name another folder, or more of them with --import",
			err, strings.Join(append([]string{folder}, imports...), ", "))
	}
	if err != nil {
		return nil, err
	}
	schema := &Schema{Files: new(protoregistry.Files)}
	for _, file := range compiled {
		schema.Own = append(schema.Own, file)
		if err := register(schema.Files, file); err != nil {
			return nil, err
		}
	}
	return schema, nil
}

// register registers a file after those that it imports.
func register(files *protoregistry.Files, file protoreflect.FileDescriptor) error {
	if _, err := files.FindFileByPath(file.Path()); err == nil {
		return nil
	}
	for i := range file.Imports().Len() {
		if err := register(files, file.Imports().Get(i).FileDescriptor); err != nil {
			return err
		}
	}
	return files.RegisterFile(file)
}

// protoFiles returns the paths of the .proto files in a folder as imports write them,
// sorted. Hidden folders are left out.
func protoFiles(folder string) ([]string, error) {
	var paths []string
	err := fs.WalkDir(os.DirFS(folder), ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case !entry.IsDir() && filepath.Ext(path) == ".proto" && !isOurs(path):
			paths = append(paths, path)
		}
		return nil
	})
	slices.Sort(paths)
	return paths, err
}
