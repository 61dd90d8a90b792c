package action

import (
	"context"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action/event"
)

// FrontDoor returns an interceptor that looks at a call's credentials before any of
// its message is read, so that a stranger cannot make a server decode and validate,
// and neither can a scoped credential that the action does not take. It seals the
// registry.
//
// A call is counted against the limits of addresses and of the action here, and not again
// at the gate. The gate of an action comes after it and is the same as without: it validates,
// authenticates anew and authorizes, in this order. So a credential that was taken back
// while the message was on its way lets no one in, and authenticators are asked twice a
// call. An action that anyone may call without signing in has no front door.
func (r *Registry) FrontDoor() (connect.ServerInterceptor, error) {
	if err := r.Seal(); err != nil {
		return nil, err
	}
	return func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			gate := r.procedures[spec.Procedure]
			if gate == nil { // what else the server serves
				return next(ctx, spec, stream)
			}
			pass := passage{gate: gate}
			if err := pass.knock(ctx); err != nil {
				return err
			}
			if gate.limits != nil {
				ctx = withCounted(ctx, gate)
			}
			return next(ctx, spec, stream)
		}
	}, nil
}

// knock authenticates ahead of the gate. Only a denial is recorded: what comes through
// here leaves the record of its gate.
func (p *passage) knock(ctx context.Context) error {
	err := p.run(ctx, func(g *gate, ctx context.Context, pass *passage, _ connect.ServerStream, _ proto.Message) error {
		if err := g.limitCall(ctx, pass); err != nil {
			return err
		}
		if err := g.findPrincipal(ctx, pass); err != nil {
			return err
		}
		if pass.step(event.StageAuthorize); !g.policy.Sufficient(pass.principal) {
			return g.insufficient(pass.principal)
		}
		return nil
	}, nil, nil)
	if err != nil {
		return p.deny(ctx, err)
	}
	return nil
}
