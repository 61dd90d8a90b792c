package actiontest_test

import (
	"testing"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
)

// registering makes the registry of a trial with what is registered.
func registering(t *testing.T, register func(*action.Registry) error, options ...action.RegistryOption) func(authn.Schemes) *action.Registry {
	t.Helper()
	return func(schemes authn.Schemes) *action.Registry {
		registry, err := action.NewRegistry(schemes, options...)
		if err != nil {
			t.Fatal(err)
		}
		if err := register(registry); err != nil {
			t.Fatal(err)
		}
		return registry
	}
}

// tryBoth tries what is denied and what is allowed.
func tryBoth(t *testing.T, registry func(authn.Schemes) *action.Registry, options ...actiontest.Option) {
	t.Helper()
	t.Run("denied", func(t *testing.T) {
		t.Parallel()
		actiontest.Denials(t, registry, options...)
	})
	t.Run("allowed", func(t *testing.T) {
		t.Parallel()
		actiontest.Allows(t, registry, options...)
	})
}
