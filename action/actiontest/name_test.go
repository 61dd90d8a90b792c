package actiontest_test

import (
	"testing"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/gen/test/names/v1/namesv1action"
)

// Actions are tried with requests that name fields, of callers who may and who may not.
func TestDenialsOfNames(t *testing.T) {
	t.Parallel()
	registry := func(schemes authn.Schemes) *action.Registry {
		registry, err := action.NewRegistry(schemes)
		if err != nil {
			t.Fatal(err)
		}
		if err := namesv1action.RegisterPersonService(registry, struct {
			namesv1action.PersonServiceHandler
		}{}); err != nil {
			t.Fatal(err)
		}
		return registry
	}
	t.Run("denied", func(t *testing.T) {
		t.Parallel()
		actiontest.Denials(t, registry)
	})
	t.Run("allowed", func(t *testing.T) {
		t.Parallel()
		actiontest.Allows(t, registry)
	})
}
