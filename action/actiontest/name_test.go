package actiontest_test

import (
	"testing"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/gen/test/names/v1/namesv1action"
)

// Actions are tried with requests that name fields, of callers who may and who may not.
func TestDenialsOfNames(t *testing.T) {
	t.Parallel()
	tryBoth(t, registering(t, func(registry *action.Registry) error {
		return namesv1action.RegisterPersonService(registry, struct {
			namesv1action.PersonServiceHandler
		}{})
	}))
}
