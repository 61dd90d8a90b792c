package action

import (
	"reflect"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A Service is what generated code knows of a service: where it is described, and
// the Go code of its methods. Impl is the interface that the application
// implements.
type Service[Impl any] struct {
	// Descriptor describes the service. Required.
	Descriptor protoreflect.ServiceDescriptor
	// Fingerprint tells from which version of the .proto the code was generated.
	// Empty, as in code written by hand, makes no statement; every other check
	// applies all the same.
	Fingerprint string
	// Methods are the service's methods, each exactly once.
	Methods []Method[Impl]
	// Declarations are those that the .proto does not carry because it is not ours to
	// edit, by method: a sallyport.v1.Action as JSON.
	Declarations map[string]string
	// Checks are the conditions in Go that the declarations name, each exactly once
	// for every method that names it.
	Checks []Check
}

// A Method ties an RPC to its handler. Make one with [Unary] or [AnonymousUnary];
// the zero Method is refused.
type Method[Impl any] struct {
	shape
	// serve makes the guarded function that serves the RPC.
	serve func(*gate, Impl) connect.ServerFunc
	// rehearse makes the same without the handler: what is let through is answered
	// with an empty response.
	rehearse func(*gate) connect.ServerFunc
}

// A shape is what of a method does not depend on the implementation's type.
type shape struct {
	name       string
	stream     connect.StreamType
	anonymous  bool
	incomplete bool          // there is no handler
	request    proto.Message // empty, for its type
	response   proto.Message // empty, for its type
}

// streamType returns the streaming shape that a descriptor declares.
func streamType(method protoreflect.MethodDescriptor) connect.StreamType {
	shape := connect.StreamTypeUnary
	if method.IsStreamingClient() {
		shape |= connect.StreamTypeClient
	}
	if method.IsStreamingServer() {
		shape |= connect.StreamTypeServer
	}
	return shape
}

// isNil reports whether a value is nil, also when it is a nil pointer, map or
// function inside an interface that is not.
func isNil(value any) bool {
	if value == nil {
		return true
	}
	reflected := reflect.ValueOf(value)
	switch reflected.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Slice, reflect.Chan, reflect.Interface:
		return reflected.IsNil()
	default:
		return false
	}
}
