package policy

import (
	"context"

	"github.com/sallyport-rpc/sallyport/authn"
)

// Leaves reports whether some grant could hold for a principal: no role and no scope
// that the grant needs is missing. What else the grant needs is not looked at.
func (p *Policy) Leaves(principal *authn.Principal) bool {
	switch {
	case p == nil || principal == nil:
		return false
	case p.anyone:
		return true
	}
	for i := range p.grants {
		if p.grants[i].leaves(principal) {
			return true
		}
	}
	return false
}

func (g *grant) leaves(principal *authn.Principal) bool {
	for i := range g.conditions {
		switch g.conditions[i].requirement.(type) {
		case anyRole, allScopes:
			// These read the principal alone, and never fail.
			if holds, _ := g.conditions[i].holds(context.Background(), Input{Principal: principal}); !holds {
				return false
			}
		}
	}
	return len(g.conditions) > 0
}
