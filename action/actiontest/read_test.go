package actiontest_test

import (
	"testing"

	"github.com/sallyport-rpc/sallyport/action"
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
	registry := registering(t, func(registry *action.Registry) error {
		return fieldsv1action.RegisterUserService(registry, people{})
	})
	tryBoth(t, registry)
}
