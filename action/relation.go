package action

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/policy"
	"github.com/sallyport-rpc/sallyport/relation"
)

// relationTimeout is how long a decision waits for one answer of the relation engine.
const relationTimeout = 5 * time.Second

// WithRelations gives the registry the engine that decides the relations which actions
// name. Without one, which is the default, such an action is refused, and so is one whose
// relation the engine does not define. An answer that takes longer than five seconds ends
// the call as unavailable.
func WithRelations(engine relation.Engine) RegistryOption {
	return registryOption(func(r *Registry) { r.relations, r.relationsGiven = engine, true })
}

// relate asks the registry's engine, also one that does not look at its context, and not
// for longer than a decision waits.
func (r *Registry) relate(ctx context.Context, query relation.Query) (bool, error) {
	bounded, cancel := context.WithTimeout(ctx, r.relationTimeout)
	defer cancel()
	held, err := untilDone(bounded, event.StageAuthorize, func() (bool, error) { return r.relations.Check(bounded, query) })
	switch {
	case err == nil:
		return held, nil
	case ctx.Err() != nil:
		return false, ctx.Err() // it is the call that is over
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		// Not wrapped: the call has time left.
		return false, fmt.Errorf("the relation engine did not answer in time: %w", authn.ErrUnavailable)
	default:
		return false, fmt.Errorf("the relation engine cannot say: %w", err)
	}
}

// relations is what decides the relations that an action names.
func (r *Registry) relationsOf(declaration *declare.Declaration) policy.RelationFunc {
	if r.relations == nil || len(declaration.Relations()) == 0 {
		return nil
	}
	return r.relate
}

// unrelated refuses relations that the registry has no engine for, or that its engine does
// not define.
func (r *Registry) unrelated(declaration *declare.Declaration) []Refusal {
	relations := declaration.Relations()
	if len(relations) > 0 && r.relations == nil {
		refusal := declare.Refuse(declare.RuleRelationEngine, declaration.Method, "it names the %s, and the registry has no relation engine", relations[0])
		return []Refusal{refusal}
	}
	var refusals []Refusal
	for _, of := range relations {
		if !r.relations.Defines(of.Name, of.Object) {
			refusals = append(refusals, declare.Refuse(declare.RuleRelationUnknown, declaration.Method,
				"the model of the relation engine has no relation %q on objects of type %q", of.Name, of.Object))
		}
	}
	return refusals
}
