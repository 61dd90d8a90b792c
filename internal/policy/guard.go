package policy

import (
	"context"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/filter"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// A Guard is the grants of an action about an object, as filters over what is stored. It is
// immutable and safe for concurrent use. A nil one matches no object.
type Guard struct{ list *List }

// NewGuard returns the grants of an action that is about objects of a type.
func NewGuard(object protoreflect.MessageDescriptor, grants []declare.Grant) (*Guard, error) {
	list, err := newList(object, grants, Deciders{}, true)
	if err != nil {
		return nil, err
	}
	return &Guard{list}, nil
}

// Rule returns what the filters ask of an object.
func (g *Guard) Rule() filter.Rule {
	if g == nil {
		return filter.Rule{}
	}
	return g.list.Rule()
}

// Of returns the grant at a place as a filter, and the conditions that it leaves out, which
// hold of no object by itself. With an error the filter matches nothing.
func (g *Guard) Of(ctx context.Context, place int32, input Input) (of filter.Filter, left []string, err error) {
	if g == nil || input.Principal == nil || place < 0 || int(place) >= len(g.list.forms) {
		return filter.Filter{}, nil, nil
	}
	for i, form := range g.list.forms[place] {
		if form.left {
			left = append(left, g.list.rule.grants[place].conditions[i].text)
		}
	}
	node, err := g.list.node(ctx, int(place), input, nil)
	if err != nil {
		return filter.Filter{}, left, err
	}
	return filter.New(node), left, nil
}
