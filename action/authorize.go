package action

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// A grant is one way to be let through; all that it asks for must hold.
type grant struct {
	anyRole   nameSet // nil asks for no role
	allScopes nameSet // nil asks for no scope
	condition *condition.Expression
}

// A verdict says whether one is let through, and by which grant. Its zero value
// denies.
type verdict struct {
	allowed bool
	grant   int
}

func newGrants(registry *Registry, declaration *declare.Declaration) []grant {
	grants := make([]grant, len(declaration.Grants))
	for i, declared := range declaration.Grants {
		grants[i] = grant{
			anyRole:   registry.roles.learn(declared.AnyRole),
			allScopes: registry.scopes.learn(declared.AllScopes),
			condition: declared.Condition,
		}
	}
	return grants
}

// authorize looks at the grants in the order written; the first that holds lets
// the call through. One that cannot be decided denies, even if a later one would
// hold: an error next to an allow is no allow.
func (g *gate) authorize(ctx context.Context, now time.Time, principal *boundPrincipal, request proto.Message) (verdict, error) {
	if g.anyone {
		return verdict{allowed: true}, nil
	}
	for i := range g.grants {
		holds, err := g.grants[i].holds(ctx, now, principal, request)
		if err != nil {
			return verdict{}, err
		}
		if holds {
			return verdict{allowed: true, grant: i}, nil
		}
	}
	return verdict{}, nil
}

// holds reports whether everything the grant asks for is so. A grant that asks for
// nothing never holds.
func (g *grant) holds(ctx context.Context, now time.Time, principal *boundPrincipal, request proto.Message) (bool, error) {
	if g.anyRole == nil && g.allScopes == nil && g.condition == nil {
		return false, nil
	}
	if g.anyRole != nil && !principal.roles.meets(g.anyRole) {
		return false, nil
	}
	if g.allScopes != nil && !principal.scopes.covers(g.allScopes) {
		return false, nil
	}
	if g.condition == nil {
		return true, nil
	}
	if request == nil && g.condition.ReadsRequest() {
		return false, nil // there is no request for it to be true of
	}
	return g.condition.Holds(ctx, &condition.Input{Principal: &principal.facts, Request: request, Now: now})
}
