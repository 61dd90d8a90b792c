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

// Options are the options of the plugin's own.
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
	reader, err := declare.NewReader(declare.Config{Files: files, GoPackage: goPackages(plugin)})
	if err != nil {
		return err
	}
	given, refusals := declare.ReadDeclarations(options.Declarations)
	if len(refusals) > 0 {
		return refused(refusals) // every other refusal would follow from these
	}
	refusals = given.Unmatched(mayExist(plugin))
	known := map[declare.Refusal]bool{}
	read := map[*protogen.File]*declared{}
	var all []*declare.Declaration
	messages := goMessages(plugin)
	for _, file := range plugin.Files {
		if !file.Generate {
			continue
		}
		file.Services = slices.DeleteFunc(file.Services, func(service *protogen.Service) bool { return declare.IsOfProgram(service.Desc, given) })
		declarations, more := reader.File(file.Desc, given)
		for _, refusal := range more {
			// A refused role catalogue refuses every file that sees it.
			if !known[refusal] {
				known[refusal] = true
				refusals = append(refusals, refusal)
			}
		}
		read[file] = newDeclared(declarations)
		read[file].given, read[file].messages = given, messages
		read[file].view = func(uses ...string) declare.View { return reader.View(file.Desc, uses...) }
		read[file].roles, read[file].scopes = reader.Catalogues(file.Desc)
		all = append(all, declarations...)
	}
	for _, refusal := range reader.Authority(all) { // of services that know of each other here alone
		if !known[refusal] {
			refusals = append(refusals, refusal)
		}
	}
	refusals = append(refusals, reader.GoNames(goFiles(plugin), all)...)
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

// goPackages returns what says in which Go package a file is generated: its option
// go_package, or what protoc was told in its place.
func goPackages(plugin *protogen.Plugin) func(protoreflect.FileDescriptor) string {
	paths := make(map[string]string, len(plugin.Files))
	for _, file := range plugin.Files {
		paths[file.Desc.Path()] = string(file.GoImportPath)
	}
	return func(file protoreflect.FileDescriptor) string { return paths[file.Path()] }
}

// goMessages returns what each message is in Go.
func goMessages(plugin *protogen.Plugin) map[protoreflect.FullName]protogen.GoIdent {
	idents := map[protoreflect.FullName]protogen.GoIdent{}
	var add func([]*protogen.Message)
	add = func(messages []*protogen.Message) {
		for _, message := range messages {
			idents[message.Desc.FullName()] = message.GoIdent
			add(message.Messages)
		}
	}
	for _, file := range plugin.Files {
		add(file.Messages)
	}
	return idents
}

// goFiles returns the files of the Go packages that are generated, as far as this run
// knows them.
func goFiles(plugin *protogen.Plugin) []protoreflect.FileDescriptor {
	generated := map[protogen.GoImportPath]bool{}
	for _, file := range plugin.Files {
		if file.Generate {
			generated[file.GoImportPath] = true
		}
	}
	var files []protoreflect.FileDescriptor
	for _, file := range plugin.Files {
		if generated[file.GoImportPath] {
			files = append(files, file.Desc)
		}
	}
	return files
}

// mayExist returns what reports whether a procedure may exist, as far as this run can
// see: buf runs the plugin once for each folder, with one file of declarations for all
// of them, so a service that this run does not know is another run's. A misspelt
// service is noticed all the same, by the one that stays without a declaration.
func mayExist(plugin *protogen.Plugin) func(procedure string) bool {
	services := map[string]*protogen.Service{}
	for _, file := range plugin.Files {
		for _, service := range file.Services {
			services[string(service.Desc.FullName())] = service
		}
	}
	return func(procedure string) bool {
		name, method, ok := strings.Cut(strings.TrimPrefix(procedure, "/"), "/")
		if !ok || !strings.HasPrefix(procedure, "/") || !protoreflect.FullName(name).IsValid() || !protoreflect.Name(method).IsValid() {
			return false
		}
		service := services[name]
		return service == nil || service.Desc.Methods().ByName(protoreflect.Name(method)) != nil
	}
}

// declared is what was declared in one file.
type declared struct {
	methods       map[protoreflect.FullName]*declare.Declaration
	roles, scopes []*declare.Catalogue
	given         declare.Given
	view          func(uses ...string) declare.View // what declarations may name
	messages      map[protoreflect.FullName]protogen.GoIdent
}

func newDeclared(declarations []*declare.Declaration) *declared {
	methods := make(map[protoreflect.FullName]*declare.Declaration, len(declarations))
	for _, declaration := range declarations {
		methods[declaration.Method.FullName()] = declaration
	}
	return &declared{methods: methods}
}

// of returns the declarations of a service in the order of its methods.
func (d *declared) of(service *protogen.Service) []*declare.Declaration {
	declarations := make([]*declare.Declaration, len(service.Methods))
	for i, method := range service.Methods {
		declarations[i] = d.methods[method.Desc.FullName()]
	}
	return declarations
}

// hasNames reports whether the file's catalogues have any role or scope.
func (d *declared) hasNames() bool {
	return slices.ContainsFunc(slices.Concat(d.roles, d.scopes), func(catalogue *declare.Catalogue) bool { return len(catalogue.Roles) > 0 })
}

// hasChecks reports whether a service's declarations name any check.
func (d *declared) hasChecks(service *protogen.Service) bool {
	return slices.ContainsFunc(d.of(service), func(declaration *declare.Declaration) bool { return len(declaration.Checks()) > 0 })
}

// resources returns what the actions of a service are about, each message once.
func (d *declared) resources(service *protogen.Service) []*declare.Resource {
	var resources []*declare.Resource
	for _, declaration := range d.of(service) {
		resource := declaration.Resource
		if resource != nil && !slices.ContainsFunc(resources, func(other *declare.Resource) bool { return other.Type == resource.Type }) {
			resources = append(resources, resource)
		}
	}
	return resources
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
