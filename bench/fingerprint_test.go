package bench

import (
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// fingerprints returns what generated code of some services would carry.
func fingerprints(services ...protoreflect.ServiceDescriptor) []string {
	reader := must(declare.NewReader(declare.Config{Files: protoregistry.GlobalFiles}))
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
