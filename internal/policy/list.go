package policy

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/filter"
	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// A List is the rule of a list: grants, any of which is enough for an element to be seen.
// It is immutable and safe for concurrent use. The zero List, and a nil one, let no element
// be seen.
type List struct {
	rule  Rule
	forms [][]form // of the conditions of each grant
	asks  filter.Rule
	list  ListFunc // nil for none
	// before is the rule with every relation taken to hold.
	before Rule
}

// A form is what a filter takes from a condition.
type form struct {
	of   *condition.Form // nil where it reads no expression
	to   *related        // nil where it is no relation to an element
	left bool            // the filter leaves the condition out
}

// NewList returns the rule of a list of items by its grants, whose expressions read an item
// as their subject. A check is refused: no element is told apart by one.
func NewList(item protoreflect.MessageDescriptor, grants []declare.Grant, by Deciders) (*List, error) {
	return newList(item, grants, by, false)
}

// newList makes a list, which leaves out what is no condition on an element, or refuses it.
func newList(item protoreflect.MessageDescriptor, grants []declare.Grant, by Deciders, leaves bool) (*List, error) {
	list := &List{rule: Rule{compileGrants(grants, by)}, asks: filter.Rule{Item: item}, list: by.List}
	list.before = list.rule
	for i, declared := range grants {
		of := list.rule.grants[i]
		forms := make([]form, len(of.conditions))
		for j := range of.conditions {
			compiled := &of.conditions[j]
			switch declared.Conditions[j].(type) {
			case declare.AnyRole, declare.AllScopes:
			case declare.When, declare.CEL:
				if compiled.expression == nil {
					return nil, fmt.Errorf("%s has no expression", compiled.text)
				}
				made, err := compiled.expression.Form()
				if err != nil {
					return nil, fmt.Errorf("take apart %s: %w", compiled.text, err)
				}
				forms[j].of = made
				list.asks.Uses = append(list.asks.Uses, usesOf(made, compiled.expression.Text())...)
			case declare.Relation:
				of, ok := compiled.requirement.(related)
				if forms[j].left = leaves; leaves {
					continue
				}
				if !ok {
					return nil, fmt.Errorf("nothing decides %s", compiled.text)
				}
				forms[j].to = &of
				list.before = Rule{compileGrants(grants, supposed)}
				list.asks.Uses = append(list.asks.Uses, filter.Use{Kind: filter.Among, Path: of.Path, Text: compiled.text})
			default:
				if !leaves {
					return nil, fmt.Errorf("%s says nothing of an element", compiled.text)
				}
				forms[j].left = true
			}
		}
		list.forms = append(list.forms, forms)
	}
	return list, nil
}

// Rule returns what the filters of the list ask of its elements.
func (l *List) Rule() filter.Rule {
	if l == nil {
		return filter.Rule{}
	}
	return l.asks
}

// usesOf lists what a form asks of an element.
func usesOf(form *condition.Form, text string) []filter.Use {
	switch form.Kind {
	case condition.FormKnown:
		return nil
	case condition.FormAnd, condition.FormOr, condition.FormNot, condition.FormChoice:
		var uses []filter.Use
		for _, form := range form.Forms {
			uses = append(uses, usesOf(form, text)...)
		}
		return uses
	case condition.FormHas, condition.FormAmong, condition.FormEquals, condition.FormLess, condition.FormLessEquals,
		condition.FormGreater, condition.FormGreaterEquals, condition.FormContains:
		return []filter.Use{{Kind: kinds[form.Kind], Path: form.Path, Text: text}}
	case condition.FormOther:
	}
	return []filter.Use{{Kind: filter.Other, Text: text}}
}

// Filter returns the rule for one call: which elements its caller may see. The input's
// Resource is not looked at. With an error the filter matches nothing.
func (l *List) Filter(ctx context.Context, input Input) (filter.Filter, error) {
	if l == nil || input.Principal == nil {
		return filter.Filter{}, nil
	}
	var grants []*filter.Node
	asked := listings{list: l.list}
	for i := range l.forms {
		node, err := l.node(ctx, i, input, &asked)
		if err != nil {
			return filter.Filter{}, err
		}
		grants = append(grants, node)
	}
	return filter.New(filter.Connected(filter.Or, grants...)), nil
}

// Holds reports whether an element may be seen, by the conditions themselves. With an error
// it may not. It allocates nothing of its own.
func (l *List) Holds(ctx context.Context, input Input, item proto.Message) (bool, error) {
	if l == nil || item == nil {
		return false, nil
	}
	input.Resource = item
	return l.rule.Holds(ctx, &input)
}

// MayHaveHeld is Holds of an earlier input. What a relation engine said then is not known, and
// it is not asked again: every relation is taken to have held.
func (l *List) MayHaveHeld(ctx context.Context, input Input, item proto.Message) (bool, error) {
	if l == nil || item == nil {
		return false, nil
	}
	input.Resource = item
	return l.before.Holds(ctx, &input)
}

// node is what a grant leaves to be asked of an element, apart from what is left out. A
// relation is asked for last, as in [Policy].
func (l *List) node(ctx context.Context, place int, input Input, asked *listings) (*filter.Node, error) {
	of := conditionInput(&input)
	of.Subject = nil
	conditions := l.rule.grants[place].conditions
	if len(conditions) == 0 {
		return constant(false), nil
	}
	nodes := make([]*filter.Node, 0, len(conditions))
	var last *related
	for i := range conditions {
		if to := l.forms[place][i].to; to != nil {
			last = to // a grant has one at most
			continue
		}
		node, err := l.forms[place][i].node(ctx, &conditions[i], input, &of)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, node)
	}
	rest := filter.Connected(filter.And, nodes...)
	if last == nil {
		return rest, nil
	}
	if isTrueOfNone(rest) {
		return constant(false), nil
	}
	node, err := asked.node(ctx, last, input)
	if err != nil {
		return nil, err
	}
	return filter.Connected(filter.And, rest, node), nil
}

func (f form) node(ctx context.Context, condition *compiled, input Input, of *condition.Input) (*filter.Node, error) {
	switch {
	case f.left:
		return constant(true), nil
	case condition.needsRequest && input.Request == nil:
		return constant(false), nil // as in a grant: there is nothing for it to be true of
	case f.of == nil:
		holds, err := condition.decide(ctx, &input)
		return constant(holds && err == nil), err
	default:
		return nodeOf(ctx, f.of, of)
	}
}

func constant(holds bool) *filter.Node {
	if holds {
		return &filter.Node{Kind: filter.True}
	}
	return &filter.Node{Kind: filter.False}
}

// kinds are the nodes of forms that look at a field.
var kinds = map[condition.FormKind]filter.Kind{
	condition.FormHas: filter.Has, condition.FormAmong: filter.Among,
	condition.FormEquals: filter.Equals, condition.FormContains: filter.Contains,
	condition.FormLess: filter.Less, condition.FormLessEquals: filter.LessEquals,
	condition.FormGreater: filter.Greater, condition.FormGreaterEquals: filter.GreaterEquals,
}

// nodeOf evaluates what a form knows without the element.
func nodeOf(ctx context.Context, form *condition.Form, input *condition.Input) (*filter.Node, error) {
	switch form.Kind {
	case condition.FormKnown:
		return nodeOfKnown(ctx, form, input)
	case condition.FormAnd, condition.FormOr, condition.FormNot:
		var nodes []*filter.Node
		for _, form := range form.Forms {
			node, err := nodeOf(ctx, form, input)
			if err != nil {
				return nil, err
			}
			nodes = append(nodes, node)
		}
		switch form.Kind {
		case condition.FormAnd:
			return filter.Connected(filter.And, nodes...), nil
		case condition.FormOr:
			return filter.Connected(filter.Or, nodes...), nil
		default:
			return filter.Negated(nodes[0]), nil
		}
	case condition.FormChoice:
		truth, err := form.Part.Truth(ctx, input)
		switch {
		case err != nil:
			return nil, err
		case truth == condition.Absent:
			return &filter.Node{Kind: filter.Absent}, nil
		case truth == condition.True:
			return nodeOf(ctx, form.Forms[0], input)
		default:
			return nodeOf(ctx, form.Forms[1], input)
		}
	case condition.FormHas:
		return &filter.Node{Kind: filter.Has, Path: form.Path}, nil
	case condition.FormAmong:
		values, ok, err := form.Part.Values(ctx, input)
		if err != nil || !ok {
			return &filter.Node{Kind: filter.Absent}, err
		}
		return &filter.Node{Kind: filter.Among, Path: form.Path, Values: values}, nil
	case condition.FormEquals, condition.FormLess, condition.FormLessEquals,
		condition.FormGreater, condition.FormGreaterEquals, condition.FormContains:
		value, ok, err := form.Part.Value(ctx, input)
		if err != nil || !ok {
			return &filter.Node{Kind: filter.Absent}, err
		}
		return &filter.Node{Kind: kinds[form.Kind], Path: form.Path, Values: []any{value}}, nil
	case condition.FormOther:
		return nodeOfOther(ctx, form, input), nil
	}
	return &filter.Node{Kind: filter.Absent}, nil
}

func nodeOfKnown(ctx context.Context, form *condition.Form, input *condition.Input) (*filter.Node, error) {
	truth, err := form.Part.Truth(ctx, input)
	switch {
	case err != nil:
		return nil, err
	case truth == condition.Absent:
		return &filter.Node{Kind: filter.Absent}, nil
	default:
		return constant(truth == condition.True), nil
	}
}

// nodeOfOther asks the part of each element. What cannot be evaluated is absent.
func nodeOfOther(ctx context.Context, form *condition.Form, input *condition.Input) *filter.Node {
	of := *input
	return &filter.Node{Kind: filter.Other, Ask: func(item proto.Message) (holds, known bool) {
		of := of
		of.Subject = item
		truth, err := form.Part.Truth(ctx, &of)
		return truth == condition.True && err == nil, truth != condition.Absent && err == nil
	}}
}
