package unguarded

import (
	"context"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/authn"
)

// A Service is what generated code knows of a service, apart from the types of its
// implementation and messages. actiongen makes one of its own typed Service.
type Service struct {
	// Descriptor describes the service.
	Descriptor protoreflect.ServiceDescriptor
	// Fingerprint tells from which version of the .proto the code was generated.
	Fingerprint string
	// Declarations are those that the .proto does not carry, by method, as JSON.
	Declarations map[string]string
	// Uses are the proto packages whose catalogues Declarations, or Declaration, name.
	Uses []string
	// Given, where Fingerprint is empty, says that the program itself declares the
	// service, by Declaration: neither its .proto nor its generated code is made for
	// gates, so that there is no version of generated code to compare.
	Given bool
	// Declaration is the declaration of every method of a service that is Given: a
	// sallyport.v1.Action as protobuf text. What it says of streams holds for streaming
	// methods alone. Empty is refused.
	Declaration string
	// Implementation is the application's; nil is refused.
	Implementation any
	// Methods are the service's methods.
	Methods []Method
	// Checks are the conditions in Go.
	Checks []Check
	// Loaders load what actions are about.
	Loaders []Loader
}

// A Method is an RPC with its handler. The zero Method has none.
type Method struct {
	// Name is the method's name in its service.
	Name string
	// Stream is the shape of the handler.
	Stream connect.StreamType
	// Anonymous is whether the handler takes calls without a principal.
	Anonymous bool
	// Resource is the message that the call carries which the handler takes; nil where it
	// carries none.
	Resource protoreflect.MessageDescriptor
	// Request and Response are empty messages, for their types. They are nil in the zero
	// Method alone.
	Request, Response proto.Message
	// New makes what one call needs, without taking it through a gate: the message that
	// the gate reads first, the kind of call or of stream that the handler takes, and
	// what the handler of a server stream sends on, nil on other shapes.
	New func() (request proto.Message, call, responses any)
	// Handle calls the handler with what New made. It returns a nil interface where the
	// handler returned a nil response, and where its shape has no single response. It
	// is nil where there is no handler.
	Handle func(ctx context.Context, call, responses any) (proto.Message, error)
}

// A Check ties a condition that a declaration names to the Go code that decides it.
type Check struct {
	// Method is the name of the RPC that the condition is declared on.
	Method string
	// Name is the condition's name.
	Name string
	// Request is the type that Holds takes.
	Request protoreflect.FullName
	// Checks is the application's value that decides; nil is refused.
	Checks any
	// Holds decides the check by Checks, as policy.CheckFunc says. Nil is refused.
	Holds func(ctx context.Context, principal *authn.Principal, request proto.Message) (bool, error)
}

// A Loader loads what actions of a service are about.
type Loader struct {
	// Type is the message that it loads.
	Type protoreflect.MessageDescriptor
	// Key is the type in Go of what finds the object: "string", "int64".
	Key string
	// Loaders is the application's value that loads; nil is refused.
	Loaders any
	// Load returns the object of a key by Loaders. It returns a nil interface where the
	// application returned nil. Nil is refused.
	Load func(ctx context.Context, principal *authn.Principal, key protoreflect.Value) (proto.Message, error)
}
