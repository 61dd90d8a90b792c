package action

import (
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// A grant is one way to be let through; all that it asks for must hold.
type grant struct {
	anyRole   []string // nil asks for no role
	allScopes []string // nil asks for no scope
	condition *condition.Expression
	check     checkFunc
	declared  *sallyportv1.Grant // what it was made from, for explanations
}

// A verdict says whether one is let through, and by which grant. Its zero value
// denies.
type verdict struct {
	allowed bool
	grant   int
}

func newGrants(declaration *declare.Declaration, checks map[string]checkFunc) []grant {
	grants := make([]grant, len(declaration.Grants))
	for i, declared := range declaration.Grants {
		made := grant{declared: declaration.Option.GetAuthorize().GetAllow()[i]}
		for _, required := range declared.Conditions {
			switch required := required.(type) {
			case declare.AnyRole:
				made.anyRole = required.Unfolded
			case declare.AllScopes:
				made.allScopes = required.Named
			case declare.CEL:
				made.condition = required.Expression
			case declare.Check:
				made.check = checkOf(checks, required.Name)
			default:
				made.check = undecided(required.String())
			}
		}
		grants[i] = made
	}
	return grants
}

// checkOf returns what decides a check. Registration refuses a check without one; if
// there were none all the same, the check never holds.
func checkOf(checks map[string]checkFunc, name string) checkFunc {
	if check, ok := checks[name]; ok {
		return check
	}
	return undecided("check " + name)
}

// undecided returns what denies in place of a condition that nothing here decides.
func undecided(condition string) checkFunc {
	return func(context.Context, *authn.Principal, proto.Message) (bool, error) {
		return false, fmt.Errorf("nothing decides %q", condition)
	}
}

// authorize looks whether the principal may make the request. A nil request is that
// of a stream of which nothing was read: no grant that reads the request holds for
// it.
func (g *gate) authorize(ctx context.Context, pass *passage, request proto.Message) error {
	pass.stage = StageAuthorize
	verdict, err := g.decide(ctx, pass.start, pass.principal, request)
	if err != nil || !verdict.allowed {
		return g.denied(ctx, err, pass, request)
	}
	if err := ctx.Err(); err != nil {
		return interrupted(err) // whoever asked is gone, so nothing is done in its name
	}
	pass.stage, pass.grant = StageHandle, verdict.grant
	return nil
}

// decide looks at the grants in the order written; the first that holds lets the
// call through. One that cannot be decided denies, even if a later one would hold:
// an error next to an allow is no allow.
func (g *gate) decide(ctx context.Context, now time.Time, principal *authn.Principal, request proto.Message) (verdict, error) {
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
func (g *grant) holds(ctx context.Context, now time.Time, principal *authn.Principal, request proto.Message) (bool, error) {
	if len(g.anyRole) == 0 && len(g.allScopes) == 0 && g.condition == nil && g.check == nil {
		return false, nil
	}
	if len(g.anyRole) > 0 && !slices.ContainsFunc(g.anyRole, principal.CarriesRole) {
		return false, nil
	}
	if len(g.allScopes) > 0 && !carriesAll(principal, g.allScopes) {
		return false, nil
	}
	if g.condition != nil {
		if request == nil && g.condition.ReadsRequest() {
			return false, nil // there is no request for it to be true of
		}
		held, err := g.condition.Holds(ctx, &condition.Input{Principal: principal, Request: request, Now: now})
		if err != nil || !held {
			return false, err
		}
	}
	if g.check != nil {
		if request == nil {
			return false, nil
		}
		held, err := g.check(ctx, principal, request)
		return held && err == nil, err
	}
	return true, nil
}

// carriesAll reports whether the principal has every one of the scopes.
func carriesAll(principal *authn.Principal, scopes []string) bool {
	for _, scope := range scopes {
		if !principal.CarriesScope(scope) {
			return false
		}
	}
	return true
}
