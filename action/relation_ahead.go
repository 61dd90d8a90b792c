package action

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/internal/policy"
	"github.com/sallyport-rpc/sallyport/relation"
)

// An ahead is what a relation engine was asked at once about the elements of one list. While
// answers is nil it collects: no relation holds then, and what would be asked is noted.
type ahead struct {
	queries []relation.Query
	answers map[relation.Query]bool
}

// aheadKey is the key of an ahead in a context.
type aheadKey struct{}

// answeredAhead returns what is known ahead of a query: what was not asked does not hold, since
// it made no difference. ok is false where nothing was asked ahead.
func answeredAhead(ctx context.Context, query relation.Query) (held, ok bool) {
	of, ok := ctx.Value(aheadKey{}).(*ahead)
	if ok && of.answers == nil {
		of.queries = append(of.queries, query)
	}
	return ok && of.answers[query], ok
}

// askAhead asks the engine at once what decides which elements of a list may be seen, where the
// engine can be asked so. The context that it returns knows the answers. An element that may be
// seen by what asks no relation is not asked about.
func (e *elements) askAhead(ctx context.Context, seen policy.Input, list protoreflect.List) (context.Context, error) {
	if e.ask == nil || list.Len() < 2 {
		return ctx, nil
	}
	known := &ahead{}
	with := context.WithValue(ctx, aheadKey{}, known)
	var queries []relation.Query
	held := map[relation.Query]bool{} // has every query that is asked
	for i := range list.Len() {
		known.queries = known.queries[:0]
		// Errors come again, when the element is held against the rule.
		if holds, err := e.list.Holds(with, seen, list.Get(i).Message().Interface()); holds || err != nil {
			continue
		}
		for _, query := range known.queries {
			if _, asked := held[query]; !asked {
				held[query], queries = false, append(queries, query)
			}
		}
	}
	if len(queries) > 0 {
		answers, err := e.ask(ctx, queries)
		if err != nil {
			return nil, err
		}
		for i, query := range queries {
			held[query] = answers[i]
		}
	}
	known.answers = held
	return with, nil
}

// relateAll returns what asks an engine several queries at once.
func (r *Registry) relateAll(engine relation.Batcher) func(context.Context, []relation.Query) ([]bool, error) {
	return func(ctx context.Context, queries []relation.Query) ([]bool, error) {
		answers, err := answerOf(ctx, r.relationTimeout, event.StageHandle, func(ctx context.Context) ([]bool, error) { return engine.CheckAll(ctx, queries) })
		if err == nil && len(answers) != len(queries) {
			err = fmt.Errorf("the relation engine answers %d of %d queries", len(answers), len(queries))
		}
		return answers, err
	}
}
