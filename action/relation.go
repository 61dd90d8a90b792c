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

// relationTimeout is how long a decision, or a filter, waits for one answer of the relation
// engine.
const relationTimeout = 5 * time.Second

// mostRelated is how many objects a filter takes by default from a relation engine.
const mostRelated = 1_000

// WithRelations gives the registry the engine that decides the relations which actions
// name. Without one, which is the default, such an action is refused, and so is one whose
// relation the engine does not define, and one whose `each` names a relation where the engine
// is no [relation.Lister]. An answer that takes longer than five seconds ends the call as
// unavailable.
func WithRelations(engine relation.Engine) RegistryOption {
	return registryOption(func(r *Registry) { r.relations, r.relationsGiven = engine, true })
}

// WithMostRelated sets how many objects a relation engine may list for one filter: those that
// the caller has the relation of an `each` to. The default is 1,000. The call of one who has it
// to more is answered resource_exhausted. It must be positive.
func WithMostRelated(most int) RegistryOption {
	return registryOption(func(r *Registry) { r.mostRelated = most })
}

// misrelated refuses options that are no relation engine, and no bound.
func (r *Registry) misrelated() (refusals []Refusal) {
	if r.relationsGiven && isNil(r.relations) {
		refusals = append(refusals, declare.RefuseNamed(declare.RuleOptionNil, "action.WithRelations", "the engine is nil"))
	}
	if r.mostRelated < 1 {
		refusals = append(refusals, declare.RefuseNamed(declare.RuleOptionRange, "action.WithMostRelated", "%d is not positive", r.mostRelated))
	}
	return refusals
}

// relate asks the registry's engine whether a user has a relation to an object.
func (r *Registry) relate(ctx context.Context, query relation.Query) (bool, error) {
	if held, ok := answeredAhead(ctx, query); ok {
		return held, nil
	}
	return answerOf(ctx, r.relationTimeout, event.StageAuthorize, func(ctx context.Context) (bool, error) { return r.relations.Check(ctx, query) })
}

// list asks the registry's engine what a user has a relation to. More than there may be are
// no list, also where the engine returns them without an error.
func (r *Registry) list(ctx context.Context, listing relation.Listing) ([]string, error) {
	lister, ok := r.relations.(relation.Lister)
	if !ok {
		return nil, errors.New("the relation engine does not list")
	}
	listing.Most = r.mostRelated
	ids, err := answerOf(ctx, r.relationTimeout, event.StageHandle, func(ctx context.Context) ([]string, error) { return lister.List(ctx, listing) })
	switch {
	case err != nil:
		return nil, err
	case len(ids) > r.mostRelated:
		return nil, relation.ErrIncomplete
	default:
		return ids, nil
	}
}

// answerOf is what a relation engine answers, also one that does not look at its context, and
// not after longer than the timeout.
func answerOf[T any](ctx context.Context, timeout time.Duration, during event.Stage, ask func(context.Context) (T, error)) (T, error) {
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answer, err := untilDone(bounded, during, func() (T, error) { return ask(bounded) })
	var none T
	switch {
	case err == nil:
		return answer, nil
	case ctx.Err() != nil:
		return none, ctx.Err() // it is the call that is over
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		// Not wrapped: the call has time left.
		return none, fmt.Errorf("the relation engine did not answer in time: %w", authn.ErrUnavailable)
	default:
		return none, fmt.Errorf("the relation engine cannot say: %w", err)
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
// not define or list.
func (r *Registry) unrelated(declaration *declare.Declaration) []Refusal {
	ofElements := declaration.ElementRelations()
	relations := append(declaration.Relations(), ofElements...)
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
	if _, lists := r.relations.(relation.Lister); len(ofElements) > 0 && !lists {
		refusals = append(refusals, declare.Refuse(declare.RuleRelationLister, declaration.Method,
			"its `each` names the %s, and the registry's relation engine, a %T, does not list", ofElements[0], r.relations))
	}
	return refusals
}
