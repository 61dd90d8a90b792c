package actiontest

import (
	"context"
	"slices"

	"github.com/sallyport-rpc/sallyport/relation"
)

// Relations is a relation engine that knows what it is made of, for registries in tests: a
// user has a relation to an object where it is among them, and no relation implies another.
// It defines every relation on every type. Nil says no to all. It is safe for concurrent
// use while it does not change.
//
// [Denials] and [Allows] need an engine in the registry, since actions that name relations
// are refused without one, and ask none: what it says is part of each call.
type Relations []relation.Query

// Defines implements [relation.Engine]: there is no model.
func (Relations) Defines(_, _ string) bool { return true }

// List implements [relation.Lister].
func (r Relations) List(ctx context.Context, listing relation.Listing) ([]string, error) {
	var ids []string
	for _, query := range r {
		if query.User == listing.User && query.Relation == listing.Relation && query.Object == listing.Object {
			ids = append(ids, query.ID)
		}
	}
	if len(ids) > listing.Most {
		return nil, relation.ErrIncomplete
	}
	return ids, ctx.Err()
}

// Check implements [relation.Engine].
func (r Relations) Check(ctx context.Context, query relation.Query) (bool, error) {
	return slices.Contains(r, query), ctx.Err()
}
