package action

import (
	"slices"

	"github.com/sallyport-rpc/sallyport/authn"
)

// Reaches reports whether a principal could be let through to an action with some
// request: whether its scheme, roles and scopes leave a grant that might hold, and its
// credential carries what the action needs of a scoped one. It asks no condition that reads a request, and no check. A nil principal, or one without an
// id, reaches anonymous actions alone. It is for lists of what a caller can use; what
// decides on a call is its gate. Before the registry is sealed it is false.
func (r *Registry) Reaches(principal *authn.Principal, procedure string) bool {
	if !r.sealed.Load() {
		return false
	}
	gate := r.procedures[procedure]
	switch {
	case gate == nil:
		return false
	case len(gate.schemes) == 0:
		return true
	case principal == nil || principal.ID() == "":
		return false
	case !slices.ContainsFunc(gate.schemes, func(s scheme) bool { return s.name == principal.Scheme() }):
		return false
	default:
		return gate.policy.Sufficient(principal) && gate.policy.Leaves(principal)
	}
}
