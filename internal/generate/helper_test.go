package generate

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/cmd/protoc-gen-go/internal_gengo"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/pluginpb"
)

// sources reads the .proto files below a folder, by the paths that imports use.
func sources(tb testing.TB, folder string) map[string]string {
	tb.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".proto" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, path)
		found[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return found
}

// request compiles sources to what buf or protoc would send to a plugin: the files
// to generate, which are all of the sources, and what they import.
func request(tb testing.TB, of map[string]string, parameter string) *pluginpb.CodeGeneratorRequest {
	tb.Helper()
	var paths []string
	for path := range of {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	linked := protocompile.ResolverFunc(func(path string) (protocompile.SearchResult, error) {
		file, err := protoregistry.GlobalFiles.FindFileByPath(path)
		return protocompile.SearchResult{Desc: file}, err
	})
	compiler := protocompile.Compiler{
		Resolver:       protocompile.CompositeResolver{&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(of)}, linked},
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	compiled, err := compiler.Compile(tb.Context(), paths...)
	if err != nil {
		tb.Fatal(err)
	}
	made := &pluginpb.CodeGeneratorRequest{FileToGenerate: paths, Parameter: &parameter}
	known := map[string]bool{}
	var add func(file protoreflect.FileDescriptor)
	add = func(file protoreflect.FileDescriptor) {
		if known[file.Path()] {
			return
		}
		known[file.Path()] = true
		for i := range file.Imports().Len() {
			add(file.Imports().Get(i).FileDescriptor)
		}
		made.ProtoFile = append(made.ProtoFile, protodesc.ToFileDescriptorProto(file))
	}
	for _, file := range compiled {
		add(file)
	}
	return overWire(tb, made)
}

// overWire makes a request anew from its wire form, so that options are read as a
// plugin reads them.
func overWire(tb testing.TB, request *pluginpb.CodeGeneratorRequest) *pluginpb.CodeGeneratorRequest {
	tb.Helper()
	wire, err := proto.Marshal(request)
	if err != nil {
		tb.Fatal(err)
	}
	read := &pluginpb.CodeGeneratorRequest{}
	if err := proto.Unmarshal(wire, read); err != nil {
		tb.Fatal(err)
	}
	return read
}

// run answers a request as the program protoc-gen-action-go does.
func run(tb testing.TB, request *pluginpb.CodeGeneratorRequest) *pluginpb.CodeGeneratorResponse {
	tb.Helper()
	var options Options
	plugin, err := protogen.Options{ParamFunc: options.Set, ImportRewriteFunc: RewriteImport}.New(request)
	if err != nil {
		tb.Fatal(err)
	}
	if err := Run(plugin, options); err != nil {
		plugin.Error(err)
	}
	return plugin.Response()
}

// runGo answers a request as protoc-gen-go does: with the code of the messages.
func runGo(tb testing.TB, request *pluginpb.CodeGeneratorRequest) *pluginpb.CodeGeneratorResponse {
	tb.Helper()
	request = proto.CloneOf(request)
	var parameters []string
	for parameter := range strings.SplitSeq(request.GetParameter(), ",") {
		if !strings.HasPrefix(parameter, "declarations=") {
			parameters = append(parameters, parameter)
		}
	}
	request.Parameter = new(strings.Join(parameters, ","))
	plugin, err := protogen.Options{}.New(request)
	if err != nil {
		tb.Fatal(err)
	}
	for _, file := range plugin.Files {
		if file.Generate {
			internal_gengo.GenerateFile(plugin, file)
		}
	}
	return plugin.Response()
}

// files returns the generated files by their names, or what went wrong.
func files(response *pluginpb.CodeGeneratorResponse) (map[string]string, error) {
	if response.Error != nil {
		return nil, errors.New(response.GetError())
	}
	made := map[string]string{}
	for _, file := range response.GetFile() {
		made[file.GetName()] = file.GetContent()
	}
	return made, nil
}
