package policy

import (
	"context"
	"slices"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// NewShadow returns what the shadow of a declaration allows, or nil where it has none. Its
// checks and relations are not asked: see [Policy.Suppose].
func NewShadow(declaration *declare.Declaration) *Policy {
	if len(declaration.Shadow) == 0 {
		return nil
	}
	shadow := *declaration
	shadow.Anyone, shadow.Grants, shadow.Shadow = false, declaration.Shadow, nil
	return New(&shadow, nil)
}

// ReadsResource reports whether some grant reads what the action is about.
func (p *Policy) ReadsResource() bool {
	return p != nil && slices.ContainsFunc(p.grants, func(of grant) bool {
		return slices.ContainsFunc(of.conditions, func(condition compiled) bool { return condition.needsResource })
	})
}

// Suppose looks at the grants without asking a check or a relation engine. decided is false where one of them would
// decide. With an error nothing is decided. The credential's scopes are for
// [Policy.Sufficient].
func (p *Policy) Suppose(ctx context.Context, input Input) (allowed, decided bool, err error) {
	if p == nil || input.Principal == nil {
		return false, true, nil
	}
	decided = true
	for i := range p.grants {
		holds, asks, err := p.grants[i].suppose(ctx, &input)
		switch {
		case err != nil:
			return false, false, err
		case holds && !asks:
			return true, true, nil
		case holds:
			decided = false
		}
	}
	return false, decided, nil
}

// suppose reports whether all conditions hold but for what is asked, and whether there is some.
func (g *grant) suppose(ctx context.Context, input *Input) (holds, asks bool, err error) {
	for i := range g.conditions {
		condition := &g.conditions[i]
		if condition.lacks(input) {
			return false, false, nil
		}
		if _, isAsked := condition.requirement.(undecidable); isAsked {
			asks = true
			continue
		}
		if holds, err := condition.decide(ctx, input); err != nil || !holds {
			return false, false, err
		}
	}
	return len(g.conditions) > 0, asks, nil
}
