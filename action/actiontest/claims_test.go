package actiontest_test

import (
	"testing"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/gen/test/claims/v1/claimsv1action"
)

// member has the handlers of actions that read claims; none of it runs in a trial.
type member struct {
	claimsv1action.OrgServiceHandler
}

// Actions that read claims are tried with claims of every kind.
func TestDenialsOfClaims(t *testing.T) {
	t.Parallel()
	registry := func(schemes authn.Schemes) *action.Registry {
		registry, err := action.NewRegistry(schemes)
		if err != nil {
			t.Fatal(err)
		}
		if err := claimsv1action.RegisterOrgService(registry, member{}); err != nil {
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
