package actiontest_test

import (
	"testing"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/gen/test/fields/v1/fieldsv1action"
)

// people has the handlers of actions that answer with guarded fields; none of it runs in a trial.
type people struct {
	fieldsv1action.UserServiceHandler
}

// Actions are tried with answers that have guarded fields, of callers who may read them and who
// may not, in every shape.
func TestDenialsOfReads(t *testing.T) {
	t.Parallel()
	registry := func(schemes authn.Schemes) *action.Registry {
		registry, err := action.NewRegistry(schemes)
		if err != nil {
			t.Fatal(err)
		}
		if err := fieldsv1action.RegisterUserService(registry, people{}); err != nil {
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
