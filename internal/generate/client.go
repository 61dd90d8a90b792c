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
	for _, method := range service.Methods {
		w.clientStream(method)
	}
	w.P("type ", body, " struct { client *", connectPackage.Ident("Client"), " }")
	w.P()
	for _, method := range service.Methods {
		w.P("func (", w.local("c", method.Output.GoIdent), " ", body, ") ", w.clientMethod(method), " {")
		w.clientBody(method)
		w.P("}")
		w.P()
	}
	for _, method := range service.Methods {
		w.spec(method)
	}
}

// clientMethod returns the signature of a client's method.
func (w writer) clientMethod(method *protogen.Method) string {
	signature := method.GoName + "(" + w.local("ctx", method.Output.GoIdent) + " " + w.QualifiedGoIdent(contextPackage.Ident("Context"))
	if !method.Desc.IsStreamingClient() {
		signature += ", " + w.local("request", method.Output.GoIdent) + " *" + w.QualifiedGoIdent(method.Input.GoIdent)
	}
	if isStreaming(method) {
		return signature + ") (*" + clientStreamName(method) + ", error)"
	}
	return signature + ") (*" + w.QualifiedGoIdent(method.Output.GoIdent) + ", error)"
}

func (w writer) clientBody(method *protogen.Method) {
	c, ctx, request := w.local("c", method.Output.GoIdent), w.local("ctx", method.Output.GoIdent), w.local("request", method.Output.GoIdent)
	if !isStreaming(method) {
		w.P("response := new(", method.Output.GoIdent, ")")
		w.P("if err := ", c, ".client.CallUnary(", ctx, ", ", specName(method), "(), ", request, ", response); err != nil {")
		w.P("return nil, err")
		w.P("}")
		w.P("return response, nil")
		return
	}
	w.P("stream, err := ", c, ".client.CallClientStream(", ctx, ", ", specName(method), "())")
	w.P("if err != nil {")
	w.P("return nil, err")
	w.P("}")
	if !method.Desc.IsStreamingClient() {
		// connect's CallServerStream would return the io.EOF.
		w.P("// io.EOF says that the server has answered already; receiving tells what.")
		w.P("if err := stream.Send(", request, "); err != nil && !", errorsPackage.Ident("Is"), "(err, ", ioPackage.Ident("EOF"), ") {")
		w.P("return nil, ", errorsPackage.Ident("Join"), "(err, stream.Close())")
		w.P("}")
		w.P("if err := stream.CloseSend(); err != nil && !", errorsPackage.Ident("Is"), "(err, ", ioPackage.Ident("EOF"), ") {")
		w.P("return nil, ", errorsPackage.Ident("Join"), "(err, stream.Close())")
		w.P("}")
	}
	w.P("return &", clientStreamName(method), "{stream}, nil")
}

// clientStream writes the client's side of a streaming RPC: a type that offers just
// what the RPC's shape allows.
func (w writer) clientStream(method *protogen.Method) {
	if !isStreaming(method) {
		return
	}
	name, s := clientStreamName(method), w.local("s", method.Output.GoIdent)
	w.P("// ", name, " is the client's side of ", method.Desc.FullName(), ".")
	w.P("// Sends go to one goroutine at a time, and so do receives.")
	w.P("type ", name, " struct { stream ", connectPackage.Ident("ClientStream"), " }")
	w.P()
	if method.Desc.IsStreamingClient() {
		w.P("// Send sends a request. An error that is io.EOF says that the server has ended")
		w.P("// the stream; receiving tells why.")
		w.P("func (", s, " *", name, ") Send(request *", method.Input.GoIdent, ") error { return ", s, ".stream.Send(request) }")
		w.P()
	}
	switch {
	case !method.Desc.IsStreamingServer():
		w.P("// CloseAndReceive ends the stream of requests and returns the response.")
		w.P("func (", s, " *", name, ") CloseAndReceive() (*", method.Output.GoIdent, ", error) {")
		w.P("defer ", s, ".stream.Close()")
		w.P("if err := ", s, ".stream.CloseSend(); err != nil {")
		w.P("return nil, err")
		w.P("}")
		w.P("response := new(", method.Output.GoIdent, ")")
		w.P("if err := ", s, ".stream.Receive(response); err != nil {")
		w.P("return nil, err")
		w.P("}")
		w.P("return response, nil")
		w.P("}")
		w.P()
		return
	case method.Desc.IsStreamingClient():
		w.P("// CloseSend ends the stream of requests.")
		w.P("func (", s, " *", name, ") CloseSend() error { return ", s, ".stream.CloseSend() }")
		w.P()
	}
	w.P("// Receive returns the next response, or io.EOF at the end of the stream.")
	w.P("func (", s, " *", name, ") Receive() (*", method.Output.GoIdent, ", error) {")
	w.P("response := new(", method.Output.GoIdent, ")")
	w.P("if err := ", s, ".stream.Receive(response); err != nil {")
	w.P("return nil, err")
	w.P("}")
	w.P("return response, nil")
	w.P("}")
	w.P()
	w.P("// Close gives the stream up.")
	w.P("func (", s, " *", name, ") Close() error { return ", s, ".stream.Close() }")
	w.P()
}

// spec writes what describes a method to connect.
func (w writer) spec(method *protogen.Method) {
	// Descriptors are looked up at the first call: generated code initializes its own
	// variables in no order that another file may rely on.
	w.P("var ", specName(method), " = ", syncPackage.Ident("OnceValue"), "(func() ", connectPackage.Ident("Spec"), " {")
	w.P("return ", connectPackage.Ident("Spec"), "{")
	w.P("StreamType: ", connectPackage.Ident("StreamType"+shapeName(method)), ",")
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

func isStreaming(method *protogen.Method) bool {
	return method.Desc.IsStreamingClient() || method.Desc.IsStreamingServer()
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

func specName(method *protogen.Method) string {
	return unexported(method.Parent.GoName) + method.GoName + "Spec"
}

func clientStreamName(method *protogen.Method) string {
	return method.Parent.GoName + method.GoName + "ClientStream"
}

func unexported(name string) string {
	return string(name[0]|0x20) + name[1:]
}
