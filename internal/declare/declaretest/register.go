package declaretest

import (
	"testing"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiongen"
)

// Register registers a service that a test wrote by hand, with the fingerprint that
// generated code would carry.
func Register[Impl any](tb testing.TB, registry *action.Registry, service actiongen.Service[Impl], implementation Impl) error {
	tb.Helper()
	service.Fingerprint = Fingerprint(tb, service.Descriptor)
	return actiongen.Register(registry, service, implementation)
}
