package action

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

const (
	// shadowTimeout is how long a call waits for its shadow.
	shadowTimeout = 50 * time.Millisecond
	// maxShadows is how many shadows of a registry are evaluated at once. One that took too
	// long counts until it is done.
	maxShadows = 64
)

// shade evaluates the shadow of the action, after its decision, which it does not change.
func (g *gate) shade(ctx context.Context, pass *passage, input policy.Input, allowed bool) {
	if pass.kind == event.Recheck {
		return // the shadow was evaluated when the stream was let in
	}
	found := event.ShadowSame // where the credential is denied, the shadow denies it too
	switch {
	case !g.shadow.Sufficient(input.Principal):
	case g.about != nil && input.Resource == nil:
		found = event.ShadowUndecided // it was not loaded, or is not there
	default:
		found = g.supposed(ctx, input, allowed)
	}
	pass.more().shadow = found
	observation := event.Observation{
		Kind: event.Shadowed, Procedure: g.procedure, Stream: g.streams(), Stage: event.StageAuthorize, Shadow: found,
	}
	if allowed {
		observation.Outcome = event.Allow
	}
	g.registry.observe(ctx, observation)
}

// supposed evaluates the shadow on a copy of what it reads of the request: the handler
// owns that, and may run before a shadow that takes too long is done.
func (g *gate) supposed(ctx context.Context, input policy.Input, allowed bool) (found event.Shadow) {
	defer func() {
		if recover() != nil {
			found = event.ShadowUndecided
		}
	}()
	if input.Answers = nil; input.Request != nil {
		var kept policy.Kept
		g.shadow.Keep(&kept, input.Request)
		input.Request = kept.Request()
	}
	if input.Resource != nil {
		input.Resource = proto.Clone(input.Resource)
	}
	return g.registry.shadows.compare(ctx, allowed, func(ctx context.Context) (allowed, decided bool, err error) {
		return g.shadow.Suppose(ctx, input)
	})
}

// shadows are those of a registry that are evaluated at once.
type shadows struct {
	room    chan struct{} // holds one for each
	timeout time.Duration // how long a call waits
}

func newShadows(room int, timeout time.Duration) shadows {
	return shadows{make(chan struct{}, room), timeout}
}

// compare evaluates a shadow and holds it against what was decided. Where it takes longer
// than the timeout, panics or fails, and where there is no room, it is undecided.
func (s shadows) compare(ctx context.Context, allowed bool, suppose func(context.Context) (allowed, decided bool, err error)) event.Shadow {
	select {
	case s.room <- struct{}{}:
	default:
		return event.ShadowUndecided
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	done := make(chan event.Shadow, 1)
	go func() {
		defer func() { <-s.room }()
		done <- difference(ctx, allowed, suppose)
	}()
	select {
	case found := <-done:
		return found
	case <-ctx.Done():
	}
	select {
	case found := <-done: // at the same time
		return found
	default:
		return event.ShadowUndecided
	}
}

// difference says how what a shadow decides differs from what was decided.
func difference(ctx context.Context, allowed bool, suppose func(context.Context) (allowed, decided bool, err error)) (found event.Shadow) {
	defer func() {
		if recover() != nil {
			found = event.ShadowUndecided
		}
	}()
	would, decided, err := suppose(ctx)
	switch {
	case err != nil, !decided:
		return event.ShadowUndecided
	case would == allowed:
		return event.ShadowSame
	case would:
		return event.ShadowWouldAllow
	default:
		return event.ShadowWouldDeny
	}
}
