package action

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// authorize decides whether the principal may make the request. A nil request is
// that of a stream of which nothing was read: no grant that reads the request holds
// for it. Without what the action is about, nothing is let through.
func (g *gate) authorize(ctx context.Context, pass *passage, request proto.Message) error {
	pass.step(event.StageAuthorize)
	input := policy.Input{Principal: pass.principal, Request: request, Now: pass.start, Resource: pass.resource()}
	if g.registry.eventValues || g.policy.Relates() {
		input.Answers = map[string]bool{}
	}
	if g.registry.eventValues {
		pass.more().basis = &asked{g.policy, input}
	}
	decision, err := g.policy.Decide(ctx, input)
	if g.shadow != nil {
		g.shade(ctx, pass, input, decision.Allowed && err == nil)
	}
	if decision.Insufficient {
		return g.insufficient(pass.principal)
	}
	if err != nil || !decision.Allowed {
		return g.denied(err, input)
	}
	if g.about != nil && input.Resource == nil {
		return &denial{public: NotFound(), reason: "what the action is about is not there"}
	}
	if err := ctx.Err(); err != nil {
		return interrupted(err) // the caller is gone, so nothing is done in its name
	}
	pass.stage, pass.grant = event.StageHandle, decision.Place
	return nil
}
