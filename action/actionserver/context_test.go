package actionserver_test

import (
	"context"
	"testing"

	"github.com/sallyport-rpc/sallyport/action/actionserver"
)

type accountant struct{}

func (*accountant) Authenticated(context.Context, string) error { return nil }

// What a server gives to a call is there, in the contexts below it as well, and is gone
// where it was taken away.
func TestContext(t *testing.T) {
	t.Parallel()
	draining, control, accounts := make(chan struct{}), &actionserver.StreamControl{MaxMessages: 1}, &accountant{}
	given := actionserver.WithDraining(actionserver.WithAccountant(actionserver.WithStreamControl(t.Context(), control), accounts), draining)
	for name, test := range map[string]struct {
		ctx      context.Context
		control  *actionserver.StreamControl
		accounts actionserver.Accountant
		draining <-chan struct{}
	}{
		"nothing":    {ctx: t.Context()},
		"all":        {given, control, accounts, draining},
		"below":      {context.WithoutCancel(given), control, accounts, draining},
		"taken away": {ctx: actionserver.WithDraining(actionserver.WithAccountant(actionserver.WithStreamControl(given, nil), nil), nil)},
	} {
		if got := actionserver.StreamControlFrom(test.ctx); got != test.control {
			t.Errorf("%s: the control is %v", name, got)
		}
		if got := actionserver.AccountantFrom(test.ctx); got != test.accounts {
			t.Errorf("%s: the accountant is %v", name, got)
		}
		if got := actionserver.DrainingFrom(test.ctx); got != test.draining {
			t.Errorf("%s: the channel is %v", name, got)
		}
	}
}
