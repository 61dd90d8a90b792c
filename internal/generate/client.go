package generate

import "google.golang.org/protobuf/compiler/protogen"

// client writes the interface of a client, and the client.
func (w writer) client(service *protogen.Service) {
	name, body := service.GoName+"Client", unexported(service.GoName)+"Client"
	w.comments([]string{name + " calls " + string(service.Desc.FullName()) + "."}, service.Comments.Leading, isDeprecated(service.Desc))
	w.P("type ", name, " interface {")
	for _, method := range service.Methods {
		w.comments(nil, method.Comments.Leading, isDeprecated(method.Desc))
		w.P(w.clientMethod(method))
	}
	w.P("}")
	w.P()
	connection := w.local("connection", w.file.GoDescriptorIdent)
	w.P("// New", name, " returns a client of ", service.Desc.FullName(), ". Several clients may")
	w.P("// share one connection; client.New makes one.")
	w.P("func New", name, "(", connection, " *", connectPackage.Ident("Client"), ") ", name, " {")
	w.P("return ", body, "{", clientPackage.Ident("NewService"), "(", connection, ", ", w.file.GoDescriptorIdent,
		".Services().ByName(", quote(string(service.Desc.Name())), "))}")
	w.P("}")
	w.P()
	w.P("type ", body, " struct { service *", clientPackage.Ident("Service"), " }")
	w.P()
	for _, method := range service.Methods {
		w.P("func (", w.local("c", method.Input.GoIdent, method.Output.GoIdent), " ", body, ") ", w.clientMethod(method), " {")
		w.clientBody(method)
		w.P("}")
		w.P()
	}
}

// clientMethod returns the signature of a client's method.
func (w writer) clientMethod(method *protogen.Method) string {
	input, output := w.QualifiedGoIdent(method.Input.GoIdent), w.QualifiedGoIdent(method.Output.GoIdent)
	local := func(name string) string { return w.local(name, method.Input.GoIdent, method.Output.GoIdent) }
	stream := w.QualifiedGoIdent(clientPackage.Ident(shapeName(method) + "Stream"))
	parameters := local("ctx") + " " + w.QualifiedGoIdent(contextPackage.Ident("Context"))
	result := output
	switch shapeName(method) {
	case "Bidi", "Client":
		result = stream + "[" + input + ", " + output + "]"
	case "Server":
		parameters += ", " + local("request") + " *" + input
		result = stream + "[" + output + "]"
	default:
		parameters += ", " + local("request") + " *" + input
	}
	return method.GoName + "(" + parameters + ") (*" + result + ", error)"
}

func (w writer) clientBody(method *protogen.Method) {
	local := func(name string) string { return w.local(name, method.Input.GoIdent, method.Output.GoIdent) }
	arguments := "](" + local("ctx") + ", " + local("c") + ".service, " + quote(string(method.Desc.Name()))
	shape := shapeName(method)
	switch shape {
	case "Bidi", "Client":
		w.P("return ", clientPackage.Ident("Open"+shape+"Stream"), "[", method.Input.GoIdent, ", ", method.Output.GoIdent, arguments, ")")
	case "Server":
		w.P("return ", clientPackage.Ident("OpenServerStream"), "[", method.Output.GoIdent, arguments, ", ", local("request"), ")")
	default:
		w.P("return ", clientPackage.Ident("CallUnary"), "[", method.Output.GoIdent, arguments, ", ", local("request"), ")")
	}
}

// shapeName is what connect calls the streaming shape of a method.
func shapeName(method *protogen.Method) string {
	switch {
	case method.Desc.IsStreamingClient() && method.Desc.IsStreamingServer():
		return "Bidi"
	case method.Desc.IsStreamingClient():
		return "Client"
	case method.Desc.IsStreamingServer():
		return "Server"
	default:
		return "Unary"
	}
}

func unexported(name string) string {
	return string(name[0]|0x20) + name[1:]
}
