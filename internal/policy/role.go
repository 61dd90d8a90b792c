package policy

import (
	"context"
	"fmt"
	"slices"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// anyRole holds when the principal carries one of the roles that satisfy it.
type anyRole struct{ declare.AnyRole }

func (r anyRole) holds(_ context.Context, input Input) (bool, error) {
	return carriesOne(input.Principal, r.Unfolded), nil
}

func carriesOne(principal *authn.Principal, roles []string) bool {
	for _, role := range roles { //nolint:modernize // the calls of slices.ContainsFunc are not inlined
		if principal.CarriesRole(role) {
			return true
		}
	}
	return false
}

func (r anyRole) explain(_ context.Context, input Input, _ bool) (held bool, why string) {
	if at := slices.IndexFunc(r.Unfolded, input.Principal.CarriesRole); at >= 0 {
		return true, fmt.Sprintf("the principal has role %q", r.Unfolded[at])
	}
	switch count := len(input.Principal.Roles()); count {
	case 0:
		return false, "the principal has no role"
	case 1:
		return false, "the principal's one role is not, and does not include, what is needed"
	default:
		return false, fmt.Sprintf("none of the principal's %d roles is, or includes, what is needed", count)
	}
}

func (anyRole) reads() []read { return []read{ofPrincipal("roles")} }
