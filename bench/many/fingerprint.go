package many

import (
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// Fingerprints returns what generated code of some services would carry.
func Fingerprints(services ...protoreflect.ServiceDescriptor) []string {
	reader := Must(declare.NewReader(declare.Config{Files: protoregistry.GlobalFiles}))
	made := make([]string, len(services))
	for i, service := range services {
		declarations, refusals := reader.Service(service, declare.Given{})
		if len(refusals) > 0 {
			panic(refusals[0].String())
		}
		made[i] = declare.Fingerprint(service, declarations)
	}
	return made
}

// Must returns what was made without an error, and panics where there is one: a benchmark
// that cannot be set up measures nothing.
func Must[T any](made T, err error) T {
	if err != nil {
		panic(err)
	}
	return made
}
