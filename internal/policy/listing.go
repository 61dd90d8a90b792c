package policy

import (
	"context"
	"errors"
	"slices"

	"github.com/sallyport-rpc/sallyport/filter"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/relation"
)

// A ListFunc says what a user has a relation to: all of it, or an error. The listing's Most is
// for it to fill in.
type ListFunc func(ctx context.Context, listing relation.Listing) ([]string, error)

// listings are what one filter asked a relation engine to list: the same once.
type listings struct {
	list  ListFunc // nil for none
	known map[relation.Listing][]any
}

// isTrueOfNone reports whether it is seen that a node is true of no element.
func isTrueOfNone(node *filter.Node) bool {
	switch node.Kind {
	case filter.False, filter.Absent:
		return true
	case filter.Among:
		return len(node.Values) == 0
	case filter.And:
		return slices.ContainsFunc(node.Nodes, isTrueOfNone)
	default:
		return false
	}
}

// node is a relation to an element as a filter: the element is one of those that the engine
// lists. What no element's id can be is not among them.
func (l *listings) node(ctx context.Context, of *related, input Input) (*filter.Node, error) {
	listing := relation.Listing{User: input.Principal.ID(), Relation: of.Name, Object: of.Object}
	if !declare.UsableID(listing.User) {
		return constant(false), nil
	}
	ids, known := l.known[listing]
	if !known {
		if l.list == nil {
			return nil, errors.New("nothing lists what " + of.String() + " is about")
		}
		listed, err := l.list(ctx, listing)
		if err != nil {
			return nil, err
		}
		for _, id := range listed {
			if declare.UsableID(id) {
				ids = append(ids, id)
			}
		}
		if l.known == nil {
			l.known = map[relation.Listing][]any{}
		}
		l.known[listing] = ids
	}
	if len(ids) == 0 {
		return constant(false), nil
	}
	return &filter.Node{Kind: filter.Among, Path: of.Path, Values: ids}, nil
}
