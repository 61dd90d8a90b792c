package actiontest_test

import (
	"errors"
	"testing"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1client"
)

// every handles no call, and decides no check.
type every struct {
	testv1action.UnaryServiceHandler
	testv1action.UnaryServiceChecks
	testv1action.StreamServiceHandler
	testv1action.LimitServiceHandler
}

// everyAction makes the registry of an action of each kind.
func everyAction(t *testing.T) func(authn.Schemes) *action.Registry {
	t.Helper()
	return registering(t, func(registry *action.Registry) error {
		return errors.Join(testv1action.RegisterUnaryService(registry, every{}, every{}),
			testv1action.RegisterStreamService(registry, every{}), testv1action.RegisterLimitService(registry, every{}))
	})
}

// costly is a call of an action whose condition is a loop in a loop in a loop.
func costly() actiontest.Option {
	return actiontest.WithSample(testv1client.UnaryServiceCostlyProcedure, &testv1.Request{Owner: "xx", Tags: []string{"x", "!"}},
		authn.NewPrincipal("xx", authn.Details{Unscoped: true}))
}

func TestDenials(t *testing.T) {
	t.Parallel()
	actiontest.Denials(t, everyAction(t), costly())
}

func TestAllows(t *testing.T) {
	t.Parallel()
	actiontest.Allows(t, everyAction(t), costly())
}
