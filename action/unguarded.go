package action

import (
	"context"
	"fmt"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/policy"
	"github.com/sallyport-rpc/sallyport/internal/unguarded"
)

// The functions of this file go around the gate, and are for tests: each asks for a
// permit that only the package actiontest can give. Use that package instead.

// UnguardedCall makes a call that no gate has seen. Use actiontest.NewCall.
func UnguardedCall[Req any](permit unguarded.Permit, principal *authn.Principal, message *Req) *Call[Req] {
	return (*Call[Req])(unguardedEntry(permit, principal, message))
}

// UnguardedAnonymousCall makes a call that no gate has seen. Use
// actiontest.NewAnonymousCall.
func UnguardedAnonymousCall[Req any](permit unguarded.Permit, message *Req) *AnonymousCall[Req] {
	return (*AnonymousCall[Req])(unguardedEntry(permit, nil, message))
}

func unguardedEntry[Req any](permit unguarded.Permit, principal *authn.Principal, message *Req) *entry[Req] {
	if !permit.Given() {
		panic(notAdmitted)
	}
	registry := &Registry{recorder: LogRecorder(nil), now: time.Now}
	entry := &entry[Req]{message: message}
	entry.passage = (&gate{registry: registry}).begin()
	entry.stage, entry.grant, entry.admitted = StageHandle, policy.Anyone, true
	if principal != nil {
		entry.principal = principal
	}
	return entry
}

// Rehearsal seals a registry and returns its actions with their gates and without
// their handlers: what a gate lets through is answered with an empty response. Use
// actiontest.Matrix.
func Rehearsal(permit unguarded.Permit, registry *Registry) ([]connect.Method, error) {
	if !permit.Given() {
		panic(notAdmitted)
	}
	if err := registry.Seal(); err != nil {
		return nil, err
	}
	methods := make([]connect.Method, len(registry.actions))
	for i, action := range registry.actions {
		methods[i] = action.rehearse
	}
	return methods, nil
}

// Decider seals a registry and returns the part of an action's gate that looks at
// the grants, for benchmarks to measure by itself. The principal is taken as one
// that the action's first scheme has found.
func Decider(permit unguarded.Permit, registry *Registry, procedure string) (func(context.Context, *authn.Principal, proto.Message) (bool, error), error) {
	if !permit.Given() {
		panic(notAdmitted)
	}
	if err := registry.Seal(); err != nil {
		return nil, err
	}
	gate := registry.procedures[procedure]
	if gate == nil || len(gate.schemes) == 0 {
		return nil, fmt.Errorf("%s is no action that looks at grants", procedure)
	}
	return func(ctx context.Context, principal *authn.Principal, request proto.Message) (bool, error) {
		decision, err := gate.policy.Decide(ctx, policy.Input{
			Principal: principal.WithScheme(gate.schemes[0].name), Request: request, Now: gate.registry.now(),
		})
		return decision.Allowed, err
	}, nil
}
