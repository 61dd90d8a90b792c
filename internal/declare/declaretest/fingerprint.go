// Package declaretest helps tests to register services without generated code.
package declaretest

import (
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// Fingerprint returns the fingerprint that generated code of a service would carry. For
// a service whose declarations are refused it returns one of no service.
func Fingerprint(tb testing.TB, service protoreflect.ServiceDescriptor) string {
	tb.Helper()
	reader, err := declare.NewReader(declare.Config{Files: protoregistry.GlobalFiles})
	if err != nil {
		tb.Fatal(err)
	}
	declarations, refusals := reader.Service(service, declare.Given{})
	if len(refusals) > 0 {
		return "refused"
	}
	return declare.Fingerprint(service, declarations)
}
