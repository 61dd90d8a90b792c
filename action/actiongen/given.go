package actiongen

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/unguarded"
)

// A GivenService is a service whose .proto and generated code are those of others, such
// as gRPC's health service. The program that serves it declares it.
type GivenService[Impl any] struct {
	// Descriptor describes the service. Required.
	Descriptor protoreflect.ServiceDescriptor
	// Uses are the proto packages whose roles, scopes, claims and named conditions the
	// declaration names: "acme.iam.v1". Their Go packages are linked into the program. Nil
	// stands for none.
	Uses []string
	// Methods are the service's methods for callers who authenticate, each exactly once.
	Methods []Method[Impl]
	// Anonymous are the service's methods for anonymous callers, each exactly once.
	Anonymous []Method[Impl]
}

// RegisterGiven adds a service to a registry with a declaration that holds for all of
// its methods: a sallyport.v1.Action in protobuf text, as it would stand in the .proto.
// What it says of streams holds for the streaming methods alone. A service without a
// declaration, or with an empty one, is refused, as [Register] says.
func RegisterGiven[Impl any](registry *action.Registry, declaration string, service GivenService[Impl], implementation Impl) error {
	bound := service.Methods
	if declared, err := declare.ParseText(declaration); err == nil && declared.GetAuthenticate().GetAnonymous() != "" {
		bound = service.Anonymous
	}
	methods := make([]unguarded.Method, len(bound))
	for i, method := range bound {
		methods[i] = method.bind(implementation)
	}
	return action.Unguarded(unguarded.Give()).Register(registry, unguarded.Service{
		Descriptor:     service.Descriptor,
		Given:          true,
		Declaration:    declaration,
		Uses:           service.Uses,
		Implementation: implementation,
		Methods:        methods,
	})
}
