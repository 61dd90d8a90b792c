package policy

import "context"

// MayHold reports whether some grant could hold for an input whose resource is not known.
// Checks and relations are not asked: one may hold. What cannot be decided may hold as
// well, so that the decision with the resource says what came of it. Where it reports
// false, no resource makes [Policy.Decide] allow.
func (p *Policy) MayHold(ctx context.Context, input Input) bool {
	if p == nil || input.Principal == nil || !p.Sufficient(input.Principal) {
		return false
	}
	for i := range p.grants {
		if p.grants[i].mayHold(ctx, &input) {
			return true
		}
	}
	return false
}

// mayHold reports whether every condition of the grant could hold.
func (g *grant) mayHold(ctx context.Context, input *Input) bool {
	for i := range g.conditions {
		if !g.conditions[i].mayHold(ctx, input) {
			return false
		}
	}
	return len(g.conditions) > 0
}

func (c *compiled) mayHold(ctx context.Context, input *Input) bool {
	if c.needsRequest && input.Request == nil {
		return false
	}
	switch c.requirement.(type) {
	case check, undecidable:
		return true // known once the resource is there
	}
	var may bool
	var err error
	if of, ok := c.requirement.(related); ok {
		may, err = of.mayHold(ctx, input)
	} else if c.needsResource {
		of := conditionInput(input)
		may, err = c.expression.MayHold(ctx, &of)
	} else {
		may, err = c.decide(ctx, input)
	}
	return may || err != nil
}
