package generate

import (
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/descriptorpb"
)

// client writes the interface of a client, and the client.
func (w writer) client(service *protogen.Service) {
	name, body := service.GoName+"Client", unexported(service.GoName)+"Client"
	w.P("// ", name, " calls ", service.Desc.FullName(), ".")
	w.P("type ", name, " interface {")
	for _, method := range service.Methods {
		w.comments(nil, method.Comments.Leading, isDeprecated(method.Desc))
		w.P(w.clientMethod(method))
	}
	w.P("}")
	w.P()
	w.P("// New", name, " returns a client of ", service.Desc.FullName(), ". Several may share one")
	w.P("// connect client.")
	w.P("func New", name, "(client *", connectPackage.Ident("Client"), ") ", name, " {")
	w.P("return ", body, "{client}")
	w.P("}")
	w.P()
	w.P("type ", body, " struct { client *", connectPackage.Ident("Client"), " }")
	w.P()
	for _, method := range service.Methods {
		w.P("func (c ", body, ") ", w.clientMethod(method), " {")
		w.P("response := new(", method.Output.GoIdent, ")")
		w.P("if err := c.client.CallUnary(ctx, ", specName(method), "(), request, response); err != nil {")
		w.P("return nil, err")
		w.P("}")
		w.P("return response, nil")
		w.P("}")
		w.P()
	}
	for _, method := range service.Methods {
		w.spec(method)
	}
}

func (w writer) clientMethod(method *protogen.Method) string {
	return method.GoName + "(ctx " + w.QualifiedGoIdent(contextPackage.Ident("Context")) +
		", request *" + w.QualifiedGoIdent(method.Input.GoIdent) +
		") (*" + w.QualifiedGoIdent(method.Output.GoIdent) + ", error)"
}

// spec writes what describes a method to connect.
func (w writer) spec(method *protogen.Method) {
	// Descriptors are looked up at the first call: generated code initializes its own
	// variables in no order that another file may rely on.
	w.P("var ", specName(method), " = ", syncPackage.Ident("OnceValue"), "(func() ", connectPackage.Ident("Spec"), " {")
	w.P("return ", connectPackage.Ident("Spec"), "{")
	w.P("StreamType: ", connectPackage.Ident("StreamTypeUnary"), ",")
	options, _ := method.Desc.Options().(*descriptorpb.MethodOptions)
	switch options.GetIdempotencyLevel() {
	case descriptorpb.MethodOptions_NO_SIDE_EFFECTS:
		w.P("IdempotencyLevel: ", connectPackage.Ident("IdempotencyNoSideEffects"), ",")
	case descriptorpb.MethodOptions_IDEMPOTENT:
		w.P("IdempotencyLevel: ", connectPackage.Ident("IdempotencyIdempotent"), ",")
	case descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN:
	}
	w.P("Schema: ", w.file.GoDescriptorIdent, ".Services().ByName(", quote(string(method.Parent.Desc.Name())),
		").Methods().ByName(", quote(string(method.Desc.Name())), "),")
	w.P("Procedure: ", procedureName(method), ",")
	w.P("}")
	w.P("})")
	w.P()
}

func specName(method *protogen.Method) string {
	return unexported(method.Parent.GoName) + method.GoName + "Spec"
}

func unexported(name string) string {
	return string(name[0]|0x20) + name[1:]
}
