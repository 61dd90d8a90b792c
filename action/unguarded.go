package action

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action/actionserver"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/policy"
	"github.com/sallyport-rpc/sallyport/internal/unguarded"
	"github.com/sallyport-rpc/sallyport/internal/validation"
	"github.com/sallyport-rpc/sallyport/relation"
)

// Unguarded returns what stands behind the gates, for the packages of this module
// that hold a permit: actiongen, which registers what the generated code holds, and
// actiontest. Applications cannot make a permit; without one Unguarded panics.
func Unguarded(permit unguarded.Permit) behind { //nolint:revive // its methods are for those who hold a permit
	if !permit.Given() {
		panic(notAdmitted)
	}
	return behind{}
}

// behind is what stands behind the gates.
type behind struct{}

// Register adds a service to a registry, for actiongen.Register.
func (behind) Register(registry *Registry, service unguarded.Service) error {
	if registry == nil || registry.reader == nil {
		return &RefusalError{Refusals: []Refusal{declare.RefuseNamed(declare.RuleRegistryNil, "actiongen.Register",
			"there is no registry")}}
	}
	return registry.register(service)
}

// Clock returns the option that sets what tells the time to the gate: for expiry,
// max_age and `now` in conditions. The timers of streams do not follow it. It is for
// actiontest.WithClock; the default is [time.Now].
func (behind) Clock(now func() time.Time) RegistryOption {
	return registryOption(func(r *Registry) { r.now = now })
}

// Admit makes a call, the zero one of its kind, look as the gate leaves it: with a
// principal, nil on an anonymous call, and a message. It is for actiontest.NewCall.
func (behind) Admit(call any, principal *authn.Principal, message proto.Message) {
	registry := &Registry{recorder: event.LogRecorder(nil), now: time.Now}
	pass := call.(kindOfCall).take(message) //nolint:forcetypeassert // no call is a fault of actiontest
	pass.gate = &gate{registry: registry}
	pass.stage, pass.principal, pass.grant, pass.admitted = event.StageHandle, principal, policy.AnyonePlace, true
}

var errNoEngine = errors.New("the call of a test has no relation engine")

// AdmitOf is Admit for a call of a declared action, with the filters of its lists. It is for
// actiontest.OfAction.
func (b behind) AdmitOf(call any, declaration *declare.Declaration, principal *authn.Principal, message proto.Message) error {
	each, err := elementsOf(declaration, policy.Deciders{
		Relations: func(context.Context, relation.Query) (bool, error) { return false, errNoEngine },
		List:      func(context.Context, relation.Listing) ([]string, error) { return nil, errNoEngine },
	})
	if err != nil {
		return err
	}
	b.Admit(call, principal, message)
	pass := call.(kindOfCall).take(message) //nolint:forcetypeassert // no call is a fault of actiontest
	pass.gate.procedure, pass.gate.each, pass.start = declaration.Procedure, each, time.Now().Truncate(time.Microsecond)
	pass.more().request = proto.Clone(message)
	return nil
}

// About gives a call of an action that is about a resource what it is about. It is for
// actiontest.NewResourceCall.
func (behind) About(call any, message, resource proto.Message) {
	call.(kindOfCall).take(message).more().resource = resource //nolint:forcetypeassert // no call is a fault of actiontest
}

// AdmitStream makes a stream, the zero one of its kind, look as the gate leaves it: with
// a principal, nil on an anonymous stream, and over a source that a test scripts. Its
// messages are not validated, and no one looks at it again. release ends it, after the
// handler. It is for actiontest.NewClientStream and its like.
func (behind) AdmitStream(ctx context.Context, of any, principal *authn.Principal, source connect.ServerStream) (release func()) {
	gate := &gate{
		registry: &Registry{recorder: event.LogRecorder(slog.New(slog.DiscardHandler)), now: time.Now},
		rules:    validation.Unvalidated(),
	}
	// The source can be interrupted, since it never waits.
	stream := gate.newStream(actionserver.WithStreamControl(ctx, &actionserver.StreamControl{InterruptReceive: func() {}}), source)
	stream.stage, stream.principal, stream.grant, stream.admitted = event.StageHandle, principal, policy.AnyonePlace, true
	stream.opened, stream.caller = true, principal
	of.(kindOfStream).carry(stream) //nolint:forcetypeassert // no stream is a fault of actiontest
	return func() {
		var end error
		stream.finish(&end)
	}
}

// Declarations seals a registry and returns what its actions declare, for
// actiontest.Golden.
func (behind) Declarations(registry *Registry) ([]*declare.Declaration, error) {
	if err := registry.Seal(); err != nil {
		return nil, err
	}
	return declarations(registry.actions), nil
}

// Decide seals a registry and returns the part of an action's gate that looks at the
// grants, for benchmarks to measure by itself. The principal is taken as one that the
// action's first scheme has found, at the given time.
func (behind) Decide(registry *Registry, procedure string, now time.Time) (func(context.Context, *authn.Principal, proto.Message) (bool, error), error) {
	if err := registry.Seal(); err != nil {
		return nil, err
	}
	gate := registry.procedures[procedure]
	if gate == nil || len(gate.schemes) == 0 {
		return nil, fmt.Errorf("%s is no action that looks at grants", procedure)
	}
	return func(ctx context.Context, principal *authn.Principal, request proto.Message) (bool, error) {
		decision, err := gate.policy.Decide(ctx, policy.Input{
			Principal: principal.Bound(gate.schemes[0].name, registry.hierarchy.Load()), Request: request, Now: now,
		})
		return decision.Allowed, err
	}, nil
}
