package actiontest_test

import (
	"testing"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/gen/test/claims/v1/claimsv1action"
)

// member has the handlers of actions that read claims; none of it runs in a trial.
type member struct {
	claimsv1action.OrgServiceHandler
}

// Actions that read claims are tried with claims of every kind.
func TestDenialsOfClaims(t *testing.T) {
	t.Parallel()
	registry := registering(t, func(registry *action.Registry) error {
		return claimsv1action.RegisterOrgService(registry, member{})
	})
	tryBoth(t, registry)
}
