package policy

import (
	"context"
	"slices"
	"strings"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// allScopes holds when the principal has every one of the scopes.
type allScopes struct{ declare.AllScopes }

func (s allScopes) holds(_ context.Context, input Input) (bool, error) {
	for _, scope := range s.Named {
		if !input.Principal.CarriesScope(scope) {
			return false, nil
		}
	}
	return len(s.Named) > 0, nil
}

func (s allScopes) explain(_ context.Context, input Input, _ bool) (held bool, why string) {
	missing := s.missing(input.Principal)
	if len(missing) == 0 {
		return len(s.Named) > 0, "the principal has what is needed"
	}
	return false, "the principal lacks " + strings.Join(missing, ", ")
}

func (allScopes) reads() []read { return []read{ofPrincipal("scopes")} }

// missing returns the scopes that the principal lacks.
func (s allScopes) missing(principal *authn.Principal) []string {
	return slices.DeleteFunc(slices.Clone(s.Named), principal.CarriesScope)
}

// MissingScopes returns the scopes that alone keep the principal from being let
// through: those that it lacks for the first grant of which everything else holds. It
// returns nil where there is no such grant. Checks and relations are not asked, so a grant
// with one is not one, and neither is one that reads the resource.
func (p *Policy) MissingScopes(ctx context.Context, input Input) []string {
	if p == nil || input.Principal == nil {
		return nil
	}
	for _, grant := range p.grants {
		if missing := grant.missingScopes(ctx, input); len(missing) > 0 {
			return missing
		}
	}
	return nil
}

func (g *grant) missingScopes(ctx context.Context, input Input) []string {
	var missing []string
	for _, condition := range g.conditions {
		if scopes, ok := condition.requirement.(allScopes); ok {
			missing = append(missing, scopes.missing(input.Principal)...)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	for _, condition := range g.conditions {
		switch condition.requirement.(type) {
		case allScopes:
			continue
		case check, related:
			return nil
		}
		if condition.needsResource || condition.lacks(&input) {
			return nil // else the answer would say of the resource that it would do
		}
		if holds, err := condition.holds(ctx, input); err != nil || !holds {
			return nil
		}
	}
	return missing
}
