package generate

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// Run generates the files that a request asks for. An error lists every refusal in
// all of them.
func Run(plugin *protogen.Plugin) error {
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
	var refusals []declare.Refusal
	read := map[*protogen.File]declared{}
	for _, file := range plugin.Files {
		if !file.Generate {
			continue
		}
		declarations, more := reader.File(file.Desc)
		refusals = append(refusals, more...)
		read[file] = newDeclared(declarations, reader.Catalogues(file.Desc))
	}
	if len(refusals) > 0 {
		return refused(refusals)
	}
	for _, file := range plugin.Files {
		if file.Generate {
			generate(plugin, file, read[file])
		}
	}
	return nil
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
