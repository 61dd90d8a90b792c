package actiongen

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/internal/unguarded"
)

// A Service is what generated code knows of a service: where it is described, and
// the Go code of its methods. Impl is the interface that the application
// implements.
type Service[Impl any] struct {
	// Descriptor describes the service. Required.
	Descriptor protoreflect.ServiceDescriptor
	// Fingerprint tells from which version of the .proto the code was generated.
	// Required.
	Fingerprint string
	// Methods are the service's methods, each exactly once.
	Methods []Method[Impl]
	// Declarations are those that the .proto does not carry because it is not ours to
	// edit, by method: a sallyport.v1.Action as JSON.
	Declarations map[string]string
	// Uses are the proto packages whose catalogues Declarations name.
	Uses []string
	// Checks are the conditions in Go that the declarations name, each exactly once
	// for every method that names it.
	Checks []Check
	// Loaders load what actions of the service are about, one for each message.
	Loaders []Loader
}

// Register adds a service to a registry. All of the service is registered or, with
// an [*action.RefusalError] that lists everything that is wrong with it, nothing.
func Register[Impl any](registry *action.Registry, service Service[Impl], implementation Impl) error {
	methods := make([]unguarded.Method, len(service.Methods))
	for i, method := range service.Methods {
		methods[i] = method.bind(implementation)
	}
	checks := make([]unguarded.Check, len(service.Checks))
	for i, check := range service.Checks {
		checks[i] = check.check
	}
	loaders := make([]unguarded.Loader, len(service.Loaders))
	for i, loader := range service.Loaders {
		loaders[i] = loader.loader
	}
	return action.Unguarded(unguarded.Give()).Register(registry, unguarded.Service{
		Descriptor:     service.Descriptor,
		Fingerprint:    service.Fingerprint,
		Declarations:   service.Declarations,
		Uses:           service.Uses,
		Implementation: implementation,
		Methods:        methods,
		Checks:         checks,
		Loaders:        loaders,
	})
}
