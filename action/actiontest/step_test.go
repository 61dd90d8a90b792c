package actiontest_test

import (
	"context"
	"testing"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	denialsv1 "github.com/sallyport-rpc/sallyport/gen/test/denials/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/denials/v1/denialsv1action"
)

// steps has the handlers of actions that tell faults of a gate apart; none of it runs in a
// trial.
type steps struct {
	denialsv1action.StepServiceHandler
}

func (steps) OpenIsOpen(context.Context, *authn.Principal, *denialsv1.TeamRequest) (bool, error) {
	return false, nil
}

func (steps) LoadThing(context.Context, *authn.Principal, string) (*denialsv1.Thing, error) {
	return nil, action.NotFound()
}

// Actions of which some faults of a gate can be told by no other are tried in every way.
func TestDenialsOfSteps(t *testing.T) {
	t.Parallel()
	registry := registering(t, func(registry *action.Registry) error {
		return denialsv1action.RegisterStepService(registry, steps{}, steps{}, steps{})
	})
	options := []actiontest.Option{
		actiontest.WithObject("thing", &denialsv1.Thing{Id: "thing", OwnerId: "alice"}),
		actiontest.WithObject("bobs", &denialsv1.Thing{Id: "bobs", OwnerId: "bob"}),
		actiontest.WithElement(&denialsv1.Thing{Marks: []string{"bob", "!"}}),
		actiontest.WithSample("/test.denials.v1.StepService/Marked", &denialsv1.TeamRequest{Team: "red"}, authn.NewPrincipal("bob", authn.Details{Unscoped: true})),
		actiontest.WithSample("/test.denials.v1.StepService/Follow", &denialsv1.TeamRequest{Team: "red"}, authn.NewPrincipal("bob", authn.Details{Unscoped: true})),
		actiontest.WithSample("/test.denials.v1.StepService/Move", &denialsv1.ThingRequest{Id: "thing"},
			authn.NewPrincipal("alice", authn.Details{Unscoped: true, Roles: []string{"mover"}})),
	}
	tryBoth(t, registry, options...)
}
