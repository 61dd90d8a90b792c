package action

import (
	"context"

	"connectrpc.com/connect/v2"
)

// FrontDoor returns an interceptor that looks at a call's credentials before any of
// its message is read, so that a stranger cannot make a server decode and validate.
// It seals the registry.
//
// The gate of an action comes after it and is the same as without: it validates,
// authenticates and authorizes in this order, and takes who is calling from here. An
// action that anyone may call without signing in has no front door.
func (r *Registry) FrontDoor() (connect.ServerInterceptor, error) {
	if err := r.Seal(); err != nil {
		return nil, err
	}
	r.hasFrontDoor.Store(true)
	return func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			gate := r.procedures[spec.Procedure]
			if gate == nil || len(gate.schemes) == 0 {
				return next(ctx, spec, stream)
			}
			door := &frontDoor{passage: gate.begin()}
			door.call, _ = connect.CallInfoForServerContext(ctx)
			if err := door.knock(ctx); err != nil {
				return err
			}
			return next(context.WithValue(ctx, frontDoorKey{}, door), spec, stream)
		}
	}, nil
}

// knock authenticates ahead of the gate. Only a denial is recorded: whatever comes
// through here leaves the record of its gate.
func (p *passage) knock(ctx context.Context) (err error) {
	defer func() {
		if recovered := recover(); recovered != nil {
			err = p.deny(ctx, panicked(p.stage, recovered))
		}
	}()
	if err := p.gate.authenticate(ctx, p); err != nil {
		return p.deny(ctx, err)
	}
	return nil
}

// frontDoorKey finds what a front door found out about the call.
type frontDoorKey struct{}

// A frontDoor is the passage in which a front door found out who is calling, and the
// call that this was about. A handler that calls another action hands its context
// on; that call is not this one and has credentials of its own, or none.
type frontDoor struct {
	passage

	call *connect.CallInfo
}

// atFrontDoor returns the front door that this very call came through, and nil
// where there was none.
func (p *passage) atFrontDoor(ctx context.Context) *frontDoor {
	if !p.gate.registry.hasFrontDoor.Load() || p.again {
		return nil
	}
	door, ok := ctx.Value(frontDoorKey{}).(*frontDoor)
	if !ok || door.gate != p.gate {
		return nil
	}
	call, ok := connect.CallInfoForServerContext(ctx)
	if !ok || door.call != call {
		return nil
	}
	return door
}
