package generate

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// handler writes the interface that the application implements.
func (w writer) handler(service *protogen.Service, declared *declared) {
	name := service.GoName + "Handler"
	w.comments([]string{
		name + " is what an application implements to serve " + string(service.Desc.FullName()) + ".",
		"Its methods are reached only through their gates.",
	}, service.Comments.Leading, isDeprecated(service.Desc))
	w.P("type ", name, " interface {")
	for _, method := range service.Methods {
		declaration := declared.methods[method.Desc.FullName()]
		w.comments(nil, method.Comments.Leading, isDeprecated(method.Desc), access(declaration))
		w.P(w.handlerMethod(method, declared))
	}
	w.P("}")
	w.P()
}

// checks writes the interface of the conditions in Go, where there are any.
func (w writer) checks(service *protogen.Service, declared *declared) {
	if !declared.hasChecks(service) {
		return
	}
	name := checksName(service)
	w.P("// ", name, " is what an application implements to decide the checks that the")
	w.P("// declarations of ", service.Desc.FullName(), " name. Each reports whether the principal may make the")
	w.P("// request; with an error it may not. See actiongen.NewCheck.")
	w.P("type ", name, " interface {")
	for _, method := range service.Methods {
		for _, check := range declared.methods[method.Desc.FullName()].Checks() {
			w.P("// ", declare.CheckName(method.Desc, check), " decides the check ", quote(check), " of ", method.Desc.Name(), ".")
			w.P(declare.CheckName(method.Desc, check), "(", contextPackage.Ident("Context"), ", *", authnPackage.Ident("Principal"),
				", *", method.Input.GoIdent, ") (bool, error)")
		}
	}
	w.P("}")
	w.P()
}

// loaders writes the interface that loads what actions are about, where any is about
// something.
func (w writer) loaders(service *protogen.Service, declared *declared) {
	resources := declared.resources(service)
	if len(resources) == 0 {
		return
	}
	name := loadersName(service)
	w.P("// ", name, " is what an application implements to load what actions of")
	w.P("// ", service.Desc.FullName(), " are about, before their grants decide. Each returns the object of a")
	w.P("// key, or action.NotFound(), and must not write. See actiongen.NewLoader.")
	w.P("type ", name, " interface {")
	for _, resource := range resources {
		w.P("// ", declare.LoaderName(resource.Type), " loads the ", resource.Type.FullName(), " of a key, such as ", resource.KeyName(), ".")
		w.P(declare.LoaderName(resource.Type), "(", contextPackage.Ident("Context"), ", *", authnPackage.Ident("Principal"), ", ",
			declare.KeyType(resource.Key), ") (*", declared.messages[resource.Type.FullName()], ", error)")
	}
	w.P("}")
	w.P()
}

func loadersName(service *protogen.Service) string { return service.GoName + "Loaders" }

func checksName(service *protogen.Service) string { return service.GoName + "Checks" }

// register writes the function that puts an implementation into a registry.
func (w writer) register(service *protogen.Service, declared *declared) error {
	name, handler := "Register"+service.GoName, service.GoName+"Handler"
	w.P("// ", name, " registers implementation as ", service.Desc.FullName(), ". The error lists")
	w.P("// every refusal; then none of the service is registered.")
	registry, implementation := w.local("registry", w.file.GoDescriptorIdent), w.local("implementation", w.file.GoDescriptorIdent)
	checks := w.local("checks", w.file.GoDescriptorIdent)
	parameters := implementation + " " + handler
	if declared.hasChecks(service) {
		parameters += ", " + checks + " " + checksName(service)
	}
	loaders := w.local("loaders", w.file.GoDescriptorIdent)
	if len(declared.resources(service)) > 0 {
		parameters += ", " + loaders + " " + loadersName(service)
	}
	w.P("func ", name, "(", registry, " *", actionPackage.Ident("Registry"), ", ", parameters, ") error {")
	w.P("return ", actiongenPackage.Ident("Register"), "(", registry, ", ", actiongenPackage.Ident("Service"), "[", handler, "]{")
	w.P("Descriptor: ", w.file.GoDescriptorIdent, ".Services().ByName(", quote(string(service.Desc.Name())), "),")
	w.P("Fingerprint: ", quote(declare.Fingerprint(service.Desc, declared.of(service))), ",")
	w.P("Methods: []", actiongenPackage.Ident("Method"), "[", handler, "]{")
	for _, method := range service.Methods {
		maker := makers[shapeName(method)]
		if declared.methods[method.Desc.FullName()].Resource != nil {
			maker = "Resource" + maker
		}
		w.P(actiongenPackage.Ident(maker), "(", quote(string(method.Desc.Name())), ", ", handler, ".", method.GoName, "),")
	}
	w.P("},")
	if declared.hasChecks(service) {
		w.P("Checks: []", actiongenPackage.Ident("Check"), "{")
		for _, method := range service.Methods {
			for _, check := range declared.methods[method.Desc.FullName()].Checks() {
				w.P(actiongenPackage.Ident("NewCheck"), "(", checks, ", ", quote(string(method.Desc.Name())), ", ", quote(check), ", ",
					checksName(service), ".", declare.CheckName(method.Desc, check), "),")
			}
		}
		w.P("},")
	}
	if resources := declared.resources(service); len(resources) > 0 {
		w.P("Loaders: []", actiongenPackage.Ident("Loader"), "{")
		for _, resource := range resources {
			w.P(actiongenPackage.Ident("NewLoader"), "(", loaders, ", ", loadersName(service), ".", declare.LoaderName(resource.Type), "),")
		}
		w.P("},")
	}
	if err := w.outside(declared, service); err != nil {
		return err
	}
	w.P("}, ", implementation, ")")
	w.P("}")
	w.P()
	return nil
}

// outside writes the declarations that the .proto does not carry.
func (w writer) outside(declared *declared, service *protogen.Service) error {
	given := slices.DeleteFunc(declared.of(service), func(declaration *declare.Declaration) bool { return !declaration.Outside })
	if len(given) == 0 {
		return nil
	}
	w.P("Declarations: map[string]string{")
	for _, declaration := range given {
		text, err := declare.JSON(declaration.Option)
		if err != nil {
			return fmt.Errorf("carry the declaration of %s: %w", declaration.Procedure, err)
		}
		w.P(quote(string(declaration.Method.Name())), ": ", quote(text), ",")
	}
	w.P("},")
	if len(declared.given.Uses) > 0 {
		w.P("Uses: []string{")
		for _, name := range declared.given.Uses {
			w.P(quote(name), ",")
		}
		w.P("},")
	}
	for _, path := range declared.view(declared.given.Uses...).GoPackages() {
		w.Import(protogen.GoImportPath(path))
	}
	return nil
}

// makers are the functions of the package actiongen that tie a method to its handler,
// by the shape of the method.
var makers = map[string]string{
	"Unary":  "Unary",
	"Client": "ClientStreaming",
	"Server": "ServerStreaming",
	"Bidi":   "BidiStreaming",
}

// handlerMethod returns the signature of a handler.
func (w writer) handlerMethod(method *protogen.Method, declared *declared) string {
	declaration := declared.methods[method.Desc.FullName()]
	kind, input := anonymousPrefix(declaration), []protogen.GoIdent{method.Input.GoIdent}
	if resource := declaration.Resource; resource != nil {
		kind, input = "Resource", append(input, declared.messages[resource.Type.FullName()])
	}
	of := func(name string, messages ...protogen.GoIdent) string {
		parameters := make([]string, len(messages))
		for i, message := range messages {
			parameters[i] = w.QualifiedGoIdent(message)
		}
		return "*" + w.QualifiedGoIdent(actionPackage.Ident(name)) + "[" + strings.Join(parameters, ", ") + "]"
	}
	response := "(*" + w.QualifiedGoIdent(method.Output.GoIdent) + ", error)"
	start := method.GoName + "(" + w.QualifiedGoIdent(contextPackage.Ident("Context")) + ", "
	switch shapeName(method) {
	case "Bidi":
		return start + of(kind+"BidiStream", append(input, method.Output.GoIdent)...) + ") error"
	case "Client":
		return start + of(kind+"ClientStream", input...) + ") " + response
	case "Server":
		return start + of(kind+"Call", input...) + ", " + of("ServerStream", method.Output.GoIdent) + ") error"
	default:
		return start + of(kind+"Call", input...) + ") " + response
	}
}

func anonymousPrefix(declaration *declare.Declaration) string {
	if declaration.Anonymous() {
		return "Anonymous"
	}
	return ""
}

// access says in one line who may call.
func access(declaration *declare.Declaration) string {
	authenticated := "callers need not sign in"
	if !declaration.Anonymous() {
		authenticated = "callers sign in by " + strings.Join(declaration.Schemes, " or ")
	}
	if declaration.MaxAge > 0 {
		authenticated += fmt.Sprintf(", at most %s ago", declaration.MaxAge)
	}
	scoped := ""
	if len(declaration.CredentialScopes) > 0 {
		scoped = "; a scoped credential needs: " + strings.Join(declaration.CredentialScopes, ", ")
	}
	about := ""
	if resource := declaration.Resource; resource != nil {
		about = fmt.Sprintf("; about the %s of %s", resource.Type.FullName(), resource.KeyName())
	}
	var limits strings.Builder
	for _, limit := range declaration.Limits {
		limits.WriteString("; at most " + limit.String())
	}
	return quotes.Replace("Access: " + authenticated + "; who may: " + declaration.Who() + about + scoped + limits.String() + ".")
}

// quotes writes texts of CEL with the other of its quotes: gofmt makes another character of ” in a
// comment, which is no CEL.
var quotes = strings.NewReplacer("'''", `"""`, "''", `""`)

func isDeprecated(descriptor protoreflect.Descriptor) bool {
	switch options := descriptor.Options().(type) {
	case *descriptorpb.ServiceOptions:
		return options.GetDeprecated()
	case *descriptorpb.MethodOptions:
		return options.GetDeprecated()
	default:
		return false
	}
}
