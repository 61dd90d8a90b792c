package generate

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// Options are what the plugin is told on its command line.
type Options struct {
	// Declarations is the path of a file with declarations for services whose .proto is
	// not ours to edit, or "".
	Declarations string
}

// Set sets an option by the name that it has in buf.gen.yaml.
func (o *Options) Set(name, value string) error {
	if name != "declarations" {
		return fmt.Errorf("unknown option %q; there is declarations=FILE", name)
	}
	o.Declarations = value
	return nil
}

// Run generates the files that a request asks for. An error lists every refusal in
// all of them.
func Run(plugin *protogen.Plugin, options Options) error {
	plugin.SupportedFeatures = uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL |
		pluginpb.CodeGeneratorResponse_FEATURE_SUPPORTS_EDITIONS)
	plugin.SupportedEditionsMinimum = descriptorpb.Edition_EDITION_PROTO2
	plugin.SupportedEditionsMaximum = descriptorpb.Edition_EDITION_2024

	files := new(protoregistry.Files)
	for _, file := range plugin.Files {
		if err := files.RegisterFile(file.Desc); err != nil {
			return fmt.Errorf("read %s: %w", file.Desc.Path(), err)
		}
	}
	reader, err := declare.NewReader(files)
	if err != nil {
		return err
	}
	if options.Declarations != "" {
		text, err := os.ReadFile(options.Declarations)
		if err != nil {
			return fmt.Errorf("read the declarations: %w", err)
		}
		declarations, err := declare.ParseDeclarations(options.Declarations, text)
		if err != nil {
			return err
		}
		reader.Give(options.Declarations, declarations)
	}
	refusals := reader.Unmatched(procedures(plugin))
	known := map[declare.Refusal]bool{}
	read := map[*protogen.File]declared{}
	for _, file := range plugin.Files {
		if !file.Generate {
			continue
		}
		declarations, more := reader.File(file.Desc)
		for _, refusal := range more {
			// Files that see one role catalogue are all refused for its faults.
			if !known[refusal] {
				known[refusal] = true
				refusals = append(refusals, refusal)
			}
		}
		read[file] = newDeclared(declarations, reader.Catalogues(file.Desc))
	}
	if len(refusals) > 0 {
		return refused(refusals)
	}
	for _, file := range plugin.Files {
		if !file.Generate {
			continue
		}
		if err := generate(plugin, file, read[file]); err != nil {
			return err
		}
	}
	return nil
}

// procedures returns what tells the procedures of all files apart from others.
func procedures(plugin *protogen.Plugin) func(procedure string) bool {
	known := map[string]bool{}
	for _, file := range plugin.Files {
		for _, service := range file.Services {
			for _, method := range service.Methods {
				known[declare.Procedure(method.Desc)] = true
			}
		}
	}
	return func(procedure string) bool { return known[procedure] }
}

// declared is what was declared in one file.
type declared struct {
	methods    map[protoreflect.FullName]*declare.Declaration
	catalogues []*declare.Catalogue
}

func newDeclared(declarations []*declare.Declaration, catalogues []*declare.Catalogue) declared {
	methods := make(map[protoreflect.FullName]*declare.Declaration, len(declarations))
	for _, declaration := range declarations {
		methods[declaration.Method.FullName()] = declaration
	}
	return declared{methods: methods, catalogues: catalogues}
}

// of returns the declarations of a service in the order of its methods.
func (d declared) of(service *protogen.Service) []*declare.Declaration {
	declarations := make([]*declare.Declaration, len(service.Methods))
	for i, method := range service.Methods {
		declarations[i] = d.methods[method.Desc.FullName()]
	}
	return declarations
}

// hasChecks reports whether a service's declarations name any check.
func (d declared) hasChecks(service *protogen.Service) bool {
	return slices.ContainsFunc(d.of(service), func(declaration *declare.Declaration) bool { return len(declaration.Checks()) > 0 })
}

// refused is the one error for all refusals.
func refused(refusals []declare.Refusal) error {
	declare.Sort(refusals)
	var text strings.Builder
	if len(refusals) == 1 {
		text.WriteString("1 refusal, nothing was generated:")
	} else {
		fmt.Fprintf(&text, "%d refusals, nothing was generated:", len(refusals))
	}
	for _, refusal := range refusals {
		text.WriteString("\n" + refusal.String())
	}
	return fmt.Errorf("%s", text.String())
}
